import { cacheFieldDisplayNames } from "@grafana/data";
import * as ui from "@grafana/ui";
import * as unstable from "@grafana/ui/unstable";
import { NoData } from "./common.jsx";

// Grafana 12 has a new table; in 11 it is another component.
const Table = unstable.TableNG ?? ui.Table;

export function TablePanel({ id, data, options, width, height, timeRange, fieldConfig }) {
  const frame = data.series[0];
  if (!frame?.length) return <NoData panel={id} fieldConfig={fieldConfig} />;
  cacheFieldDisplayNames([frame]);
  return (
    <Table
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
