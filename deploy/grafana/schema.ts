// What a dashboard of ours may consist of, in the words of Grafana's own schema. A test puts pilotage.json behind this file as a
// literal and lets the TypeScript compiler judge it: unknown members, wrong words and missing options are errors.
import type { Dashboard, Panel, RowPanel } from "@grafana/schema";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as TimeSeriesField,
  Options as TimeSeries,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// In JSON a word of an enumeration is a string like any other.
type Json<T> = T extends string
  ? `${T}`
  : T extends (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

// Grafana's schema leaves options and queries open, as plugins define them. These are the plugins that are used.
interface Query {
  refId: string;
  datasource: { type: "prometheus"; uid: string };
  editorMode: "code";
  expr: string;
  legendFormat: string;
  format: "time_series" | "table" | "heatmap";
  instant?: boolean;
  range?: boolean;
}
type Custom<Field> = { defaults: { custom?: Field } };
type PanelOf<Type extends string, Options, Field> = Omit<Panel, "type" | "options" | "targets" | "fieldConfig"> & {
  type: Type;
  options: Options;
  targets: Query[];
  fieldConfig: Omit<NonNullable<Panel["fieldConfig"]>, "defaults"> & {
    defaults: Omit<NonNullable<Panel["fieldConfig"]>["defaults"], "custom"> & Custom<Field>["defaults"];
  };
};

export type OurDashboard = Json<
  Omit<Dashboard, "panels"> & {
    panels: (PanelOf<"stat", Stat, never> | PanelOf<"timeseries", TimeSeries, TimeSeriesField> | (RowPanel & { type: "row" }))[];
  }
>;
