import { TimeSeries } from "@grafana/ui";
import { useMemo } from "react";
import { Marks, marksOf, NoData } from "./common.jsx";

export function TimeSeriesPanel({ id, data, fieldConfig, timeRange, timeZone, width, height, options }) {
  const frames = useMemo(
    () => data.series.filter((f) => f.length > 0).map((f) => ({ ...f, fields: f.fields.map((field) => ({ ...field })) })),
    [data.series],
  );
  if (frames.length === 0) return <NoData panel={id} fieldConfig={fieldConfig} />;
  const marks = marksOf(data);
  return (
    <TimeSeries
      frames={frames}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    >
      {(config) => <Marks config={config} marks={marks} />}
    </TimeSeries>
  );
}

// Field options of the graph, with what Grafana takes where a dashboard says nothing.
export const graphOptions = {
  drawStyle: "line",
  lineInterpolation: "linear",
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: "none",
  showPoints: "auto",
  pointSize: 5,
  stacking: { mode: "none", group: "A" },
  axisPlacement: "auto",
  axisLabel: "",
  axisColorMode: "text",
  axisBorderShow: false,
  axisCenteredZero: false,
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  axisWidth: undefined,
  axisGridShow: undefined,
  barAlignment: 0,
  barWidthFactor: 0.6,
  barMaxWidth: undefined,
  scaleDistribution: { type: "linear" },
  spanNulls: false,
  insertNulls: false,
  hideFrom: { tooltip: false, viz: false, legend: false },
  thresholdsStyle: { mode: "off" },
  lineStyle: { fill: "solid" },
  transform: undefined,
  fillBelowTo: undefined,
  lineColor: undefined,
  fillColor: undefined,
};
