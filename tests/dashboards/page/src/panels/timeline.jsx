// Grafana keeps its state timeline inside the application, so this one is drawn here, from the same field options:
// mappings and thresholds give color and text, equal neighbors are one bar, a missing point is a gap.
import { dateTimeFormat, FieldType, getFieldDisplayName } from "@grafana/data";
import { measureText, useTheme2, VizLegend } from "@grafana/ui";
import { marksOf, NoData } from "./common.jsx";

const fontSize = 12;
const axisHeight = 20;
const legendHeight = 26;
const longestLabel = 190;

export function TimelinePanel({ id, data, fieldConfig, timeRange, timeZone, width, height, options }) {
  const theme = useTheme2();
  const rows = data.series.flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === FieldType.time);
    return frame.fields
      .filter((f) => f.type === FieldType.number)
      .map((field) => ({ name: getFieldDisplayName(field, frame, data.series), field, bars: barsOf(time, field) }));
  });
  if (rows.length === 0) return <NoData panel={id} fieldConfig={fieldConfig} />;

  const left = Math.min(longestLabel, 12 + Math.max(...rows.map((r) => measureText(r.name, fontSize).width)));
  const from = timeRange.from.valueOf();
  const to = timeRange.to.valueOf();
  const x = (t) => left + ((t - from) / (to - from)) * (width - left - 18);
  const plotHeight = height - axisHeight - legendHeight;
  const rowHeight = plotHeight / rows.length;
  const gap = (1 - options.rowHeight) * rowHeight;
  const text = { fontSize, fill: theme.colors.text.secondary, fontFamily: theme.typography.fontFamily };

  return (
    <div>
      <svg width={width} height={height - legendHeight} style={{ display: "block" }}>
        {ticks(from, to, width - left).map((t) => (
          <g key={t}>
            <line x1={x(t)} x2={x(t)} y1={0} y2={plotHeight} stroke={theme.colors.border.weak} />
            <text x={x(t)} y={plotHeight + 15} textAnchor="middle" {...text}>
              {dateTimeFormat(t, { timeZone, format: "HH:mm" })}
            </text>
          </g>
        ))}
        {rows.map(({ name, field, bars }, i) => (
          <g key={name + i} transform={`translate(0 ${i * rowHeight})`}>
            <text x={left - 8} y={rowHeight / 2 + 4} textAnchor="end" {...text}>
              {name}
            </text>
            {bars.map(([start, end, value]) => (
              <rect
                key={start}
                x={x(Math.max(start, from))}
                y={gap / 2}
                width={Math.max(1, x(Math.min(end, to)) - x(Math.max(start, from)))}
                height={rowHeight - gap}
                fill={field.display(value).color}
                fillOpacity={(field.config.custom?.fillOpacity ?? 70) / 100}
              />
            ))}
          </g>
        ))}
        {marksOf(data).map((m, i) => (
          <line
            key={i}
            x1={x(m.from)}
            x2={x(m.from)}
            y1={0}
            y2={m.from >= from && m.from <= to ? plotHeight : 0}
            stroke={theme.visualization.getColorByName(m.color)}
            strokeDasharray="4 4"
            strokeOpacity={0.8}
          />
        ))}
      </svg>
      <VizLegend placement="bottom" displayMode="list" items={legendItems(rows)} />
    </div>
  );
}

/** Stretches of one value: [start, end, value]. A hole longer than the query's step ends a stretch. */
function barsOf(time, field) {
  const step = time.config.interval ?? 60000;
  const bars = [];
  time.values.forEach((start, i) => {
    const value = field.values[i];
    const last = bars.at(-1);
    if (value === null || value === undefined) return;
    if (last && last[2] === value && start <= last[1]) last[1] = start + step;
    else bars.push([start, start + step, value]);
  });
  return bars;
}

function ticks(from, to, width) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].find((m) => ((to - from) / 60000 / m) * 70 < width) ?? 1440;
  const step = minutes * 60000;
  const list = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) list.push(t);
  return list;
}

function legendItems(rows) {
  const values = [...new Set(rows.flatMap((r) => r.bars.map((b) => b[2])))].sort((a, b) => a - b);
  return values.map((value) => {
    const { text, color } = rows[0].field.display(value);
    return { label: text, color, yAxis: 1 };
  });
}

export const timelineOptions = { fillOpacity: 70, lineWidth: 0, spanNulls: false, insertNulls: false, hideFrom: {} };
