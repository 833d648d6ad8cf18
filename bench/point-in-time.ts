/**
 * Point-in-time join: labels × events → the last value, a 7-day count and a 7-day sum per label, index build included.
 *
 *   node --conditions=source bench/point-in-time.ts [--labels 1000000] [--rows 10000000] [--entities 100000] [--skew 0|1]
 *
 * `--skew 1` draws entities by Zipf's law (the hottest of 100,000 has 8 % of all rows).
 */
import { parseArgs } from "node:util";
import { count, defineEntity, defineFeatureView, defineStream, last, sum, z } from "strata";
import { createPointInTimeIndex, createRandom } from "strata/testing";

const { values: flags } = parseArgs({ options: {
  labels: { type: "string", default: "1000000" }, rows: { type: "string", default: "10000000" }, entities: { type: "string", default: "100000" },
  skew: { type: "string", default: "0" }, seed: { type: "string", default: "1" },
} });
const labels = Number(flags.labels), rows = Number(flags.rows), entities = Number(flags.entities);
const random = createRandom(Number(flags.seed));
const YEAR_MS = 365 * 86_400_000;

/** Entity numbers, uniform or by Zipf's law with exponent 1 (inverse transform of the continuous law). */
const drawEntity = flags.skew === "1"
  ? (): number => Math.min(entities - 1, Math.floor(Math.exp(random.next() * Math.log(entities + 1))) - 1)
  : (): number => random.integer(entities);

const readings = defineStream("readings", { schema: z.object({ device: z.string(), value: z.number() }) });
const view = defineFeatureView("activity", {
  entities: [defineEntity("device")], from: readings, by: (e) => ({ device: e.device }),
  features: (e) => ({ last_value: last(e.value), count_7d: count().over("7d"), sum_7d: sum(e.value).over("7d") }),
});

const dictionary = Array.from({ length: entities }, (_, entity) => `device-${entity}`);
const codes = Int32Array.from({ length: rows }, drawEntity);
const timesMs = Float64Array.from({ length: rows }, (_, row) => Math.floor((row / rows) * YEAR_MS));
const events = {
  rows, offsets: Float64Array.from({ length: rows }, (_, row) => row), timesMs, knownAtMs: timesMs,
  columns: {
    device: { kind: "text" as const, codes, dictionary },
    value: { kind: "number" as const, values: Float64Array.from({ length: rows }, () => Math.round(random.next() * 10_000) / 100) },
  },
};
const labelCodes = Int32Array.from({ length: labels }, drawEntity);
const labelTimes = Float64Array.from({ length: labels }, () => random.integer(YEAR_MS));

const cpu = process.cpuUsage();
const begin = performance.now();
const index = createPointInTimeIndex(view, events, { known: "time" });
const built = performance.now();
const result = index.query({ entities: index.resolve([{ kind: "text", codes: labelCodes, dictionary }]), timesMs: labelTimes, knownLimits: labelTimes });
const end = performance.now();
const { user, system } = process.cpuUsage(cpu);

const checksum = result["sum_7d"]?.kind === "number" ? result["sum_7d"].values.reduce((a, b) => a + b, 0) : Number.NaN;
console.log(JSON.stringify({
  labels, rows, entities, skew: flags.skew, buildMs: Math.round(built - begin), queryMs: Math.round(end - built),
  cpuMs: Math.round((user + system) / 1000), labelsPerSecond: Math.round(labels / ((end - begin) / 1000)), peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024), checksum: Math.round(checksum),
}));
