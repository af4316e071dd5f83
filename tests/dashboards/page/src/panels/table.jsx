import { cacheFieldDisplayNames } from "@grafana/data";
import { TableNG } from "@grafana/ui/unstable";
import { NoData } from "./common.jsx";

export function TablePanel({ id, data, options, width, height, timeRange, fieldConfig }) {
  const frame = data.series[0];
  if (!frame?.length) return <NoData panel={id} fieldConfig={fieldConfig} />;
  cacheFieldDisplayNames([frame]);
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={false}
      resizable
      initialSortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={timeRange}
      enableVirtualization
      fieldConfig={fieldConfig}
      structureRev={data.structureRev}
    />
  );
}

export const tableOptions = {
  align: "auto",
  cellOptions: { type: "auto" },
  inspect: false,
  width: undefined,
  minWidth: undefined,
  filterable: undefined,
  hidden: undefined,
  hideFrom: { tooltip: false, viz: false, legend: false },
};
