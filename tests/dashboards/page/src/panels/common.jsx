import { useTheme2 } from "@grafana/ui";
import { useLayoutEffect, useRef } from "react";

/** What Grafana shows in place of an empty panel. The driver looks for the attribute. */
export function NoData({ panel, fieldConfig }) {
  const theme = useTheme2();
  const style = { display: "flex", height: "100%", alignItems: "center", justifyContent: "center", color: theme.colors.text.secondary };
  return (
    <div data-no-data={panel} style={style}>
      {fieldConfig.defaults.noValue ?? "No data"}
    </div>
  );
}

/** Annotations as [{ from, to, color }], in milliseconds. */
export const marksOf = (data) =>
  (data.annotations ?? []).flatMap((frame) => {
    const values = (name) => frame.fields.find((f) => f.name === name)?.values ?? [];
    return Array.from({ length: frame.length }, (_, i) => ({ from: values("time")[i], to: values("timeEnd")[i], color: values("color")[i] ?? "red" }));
  });

/** Draws annotations over a graph: a dashed line for each moment, a tinted stretch for each region. */
export function Marks({ config, marks }) {
  const theme = useTheme2();
  const current = useRef(marks);
  const plot = useRef();
  current.current = marks;
  useLayoutEffect(() => {
    config.addHook("init", (u) => (plot.current = u));
    config.addHook("draw", (u) => drawMarks(u, current.current, theme));
  }, [config, theme]);
  useLayoutEffect(() => plot.current?.redraw(false), [marks]);
  return null;
}

function drawMarks(u, marks, theme) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, color } of marks) {
    const x = u.valToPos(from, "x", true);
    const shown = theme.visualization.getColorByName(color);
    ctx.strokeStyle = shown;
    ctx.fillStyle = shown;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4, 4]);
    ctx.globalAlpha = 0.75;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (to > from) {
      ctx.globalAlpha = 0.04;
      ctx.fillRect(x, bbox.top, u.valToPos(to, "x", true) - x, bbox.height);
    }
    ctx.globalAlpha = 1;
    ctx.fillRect(x - 3 * devicePixelRatio, bbox.top + bbox.height - 3 * devicePixelRatio, 6 * devicePixelRatio, 3 * devicePixelRatio);
  }
  ctx.restore();
}
