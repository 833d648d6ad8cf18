/** Options of `--search`: which bounds must hold, where it begins and ends, and what is asked about capacity. */
import type { OptionTable, OptionValues } from "../../option.ts";

export const SEARCH_OPTIONS = {
  search: { type: "boolean", description: "Raise the rate until a bound breaks; find the breaking point, confirm it, fit capacity" },
  p99: { type: "duration", default: "250ms", description: "With --search: bound on p99 from when a request was to come" },
  firstToken: { type: "duration", description: "With --search, for streams: bound on p99 of the time to the first token" },
  maxFailed: { type: "number", minimum: 0, maximum: 1, default: 0.001, placeholder: "share", description: "With --search: largest share that may fail or stay unfinished" },
  from: { type: "number", minimum: 0.05, placeholder: "per second", description: "With --search: first rate (default 50; 1 for streams)" },
  upTo: { type: "number", minimum: 0.05, default: 1_000_000, placeholder: "per second", description: "With --search: not beyond this rate" },
  step: { type: "duration", default: "5s", description: "With --search: how long each rate is held; the confirmation takes three times as long" },
  precision: { type: "number", minimum: 0.005, maximum: 1, default: 0.05, placeholder: "share", description: "With --search: how close the breaking point is found" },
  repeats: { type: "number", integer: true, minimum: 0, maximum: 9, default: 1, description: "With --search: how often a rate that breaks is tried again before it counts, so that one bad moment of the machine is no breaking point" },
  wanted: { type: "number", minimum: 0.001, placeholder: "per second", description: "With --search: how many replicas would carry this rate?" },
  headroom: { type: "number", minimum: 0, maximum: 0.95, default: 0.3, placeholder: "share", description: "With --search: share of a replica's rate that stays free" },
  svg: { type: "string", placeholder: "file", description: "With --search: write the curve as a picture" },
} as const satisfies OptionTable;

export type SearchOptionValues = OptionValues<typeof SEARCH_OPTIONS>;
