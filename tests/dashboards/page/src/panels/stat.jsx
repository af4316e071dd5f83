import { getDisplayValueAlignmentFactors, getFieldDisplayValues } from "@grafana/data";
import { BigValue, useTheme2, VizRepeater } from "@grafana/ui";
import { NoData } from "./common.jsx";

export function StatPanel({ id, data, fieldConfig, options, replaceVariables, width, height, timeZone, renderCounter }) {
  const theme = useTheme2();
  const values = () =>
    getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, data: data.series, timeZone });
  if (!data.series.some((f) => f.length > 0)) return <NoData panel={id} fieldConfig={fieldConfig} />;
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation}
      renderCounter={renderCounter}
      renderValue={({ value, width: w, height: h, count, alignmentFactors }) => (
        <BigValue
          value={value.display}
          count={count}
          alignmentFactors={alignmentFactors}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          wideLayout={options.wideLayout}
          width={w}
          height={h}
          theme={theme}
        />
      )}
    />
  );
}
