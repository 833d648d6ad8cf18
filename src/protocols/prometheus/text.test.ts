import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createManualClock } from "../../kernel/clock.ts";
import { createTelemetryStore } from "../../observe/index.ts";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheusText } from "./text.ts";

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;

/** Reads the 0.0.4 format as strictly as promtool does: order, grouping, escapes, duplicates, histogram laws. */
function parse(text: string): ReadonlyMap<string, Family> {
  assert.ok(text === "" || text.endsWith("\n"), "the last line must end in a line feed");
  const families = new Map<string, Family>();
  const lines = text.split("\n").slice(0, -1);
  for (let i = 0; i < lines.length;) {
    const [, name, help] = /^# HELP (\S+) (.*)$/.exec(lines[i]!) ?? [];
    assert.ok(name !== undefined && NAME.exec(name)?.[0] === name, `no HELP line: ${lines[i]}`);
    const type = new RegExp(`^# TYPE ${name} (counter|gauge|histogram|summary)$`).exec(lines[i + 1]!)?.[1];
    assert.ok(type !== undefined, `no TYPE line after HELP: ${lines[i + 1]}`);
    assert.ok(!families.has(name), `${name} appears in two groups`);
    assert.doesNotMatch(help!, /\\[^\\n]/);
    const family: Family = { help: help!, type, samples: [] };
    families.set(name, family);
    for (i += 2; i < lines.length && !lines[i]!.startsWith("#"); i++) family.samples.push(parseSample(lines[i]!));
    checkFamily(name, family);
  }
  return families;
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0] ?? "";
  let rest = line.slice(name.length);
  const labels = new Map<string, string>();
  if (rest.startsWith("{")) {
    const pairs = /^\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*",?)*)\}/.exec(rest);
    assert.ok(pairs, `labels of ${line}`);
    rest = rest.slice(pairs[0].length);
    for (const [, label, value] of pairs[1]!.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"/g)) {
      assert.ok(!labels.has(label!), `${label} twice in ${line}`);
      labels.set(label!, value!.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character)));
    }
  }
  assert.match(rest, /^ (NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]\d+)?)$/, `value of ${line}`);
  const word = rest.slice(1);
  return { name, labels, value: word.endsWith("Inf") ? Number(`${word}inity`) : Number(word) };
}

function checkFamily(name: string, { type, help, samples }: Family): void {
  assert.ok(help.length > 0 && samples.length > 0);
  assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
  const identities = samples.map((sample) => `${sample.name} ${identityOf(sample.labels)}`);
  assert.equal(new Set(identities).size, samples.length, "a sample appears twice");
  if (type === "counter") assert.ok(samples.every((sample) => sample.name === name && sample.value >= 0));
  if (type === "gauge") assert.ok(samples.every((sample) => sample.name === name));
  if (type === "histogram") for (const group of groups(samples, "le")) checkHistogram(name, group);
  if (type === "summary") for (const group of groups(samples, "quantile")) checkSummary(name, group);
}

function groups(samples: readonly Sample[], without: string): readonly (readonly Sample[])[] {
  return [...Map.groupBy(samples, ({ labels }) => identityOf(new Map([...labels].filter(([label]) => label !== without)))).values()];
}

function identityOf(labels: ReadonlyMap<string, string>): string {
  return JSON.stringify([...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function only(samples: readonly Sample[], name: string): Sample {
  const found = samples.filter((sample) => sample.name === name);
  assert.equal(found.length, 1, name);
  return found[0]!;
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => (labels.get("le") === "+Inf" ? Infinity : Number(labels.get("le"))));
  assert.deepEqual(bounds, bounds.toSorted((a, b) => a - b));
  assert.equal(bounds.at(-1), Infinity);
  assert.ok(buckets.every(({ value }, i) => i === 0 || value >= buckets[i - 1]!.value), "buckets must not fall");
  assert.equal(buckets.at(-1)!.value, only(samples, `${name}_count`).value);
  only(samples, `${name}_sum`);
}

function checkSummary(name: string, samples: readonly Sample[]): void {
  only(samples, `${name}_sum`);
  only(samples, `${name}_count`);
  for (const { labels } of samples.filter((sample) => sample.name === name)) assert.ok(Number(labels.get("quantile")) > 0);
}

test("a snapshot is rendered as Prometheus reads it", () => {
  const store = createTelemetryStore({ clock: createManualClock() });
  store.counter("strata_requests", "Requests\nwith a \\ in the help").add(3, { route: "/a\"b\\c\nd" });
  store.gauge("strata_queue_rows", "Rows that wait").set(-1.5);
  store.counter("strata_unused_total", "Never recorded");
  assert.equal(renderPrometheusText(store.snapshot()), [
    "# HELP strata_queue_rows Rows that wait", "# TYPE strata_queue_rows gauge", "strata_queue_rows -1.5",
    String.raw`# HELP strata_requests_total Requests\nwith a \\ in the help`, "# TYPE strata_requests_total counter",
    String.raw`strata_requests_total{route="/a\"b\\c\nd"} 3`, "",
  ].join("\n"));
  assert.equal(PROMETHEUS_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
});

test("histogram buckets are cumulative and exact at powers of two", () => {
  const store = createTelemetryStore({ clock: createManualClock() });
  for (const value of [0, 0.5, 1, 1.5, 2, 100]) store.histogram("latency_ms", "Latency").record(value, { model: "m" });
  const family = parse(renderPrometheusText(store.snapshot(), { lowestExponent: -1, highestExponent: 2 })).get("latency_ms")!;
  assert.deepEqual(family.samples.map(({ name, labels, value }) => [name, labels.get("le"), value]), [
    ["latency_ms_bucket", "0.5", 2], ["latency_ms_bucket", "1", 3], ["latency_ms_bucket", "2", 5], ["latency_ms_bucket", "4", 5],
    ["latency_ms_bucket", "+Inf", 6], ["latency_ms_sum", undefined, 105], ["latency_ms_count", undefined, 6],
  ]);
});

test("summaries show the last minute's quantiles, and NaN when it was quiet", () => {
  const clock = createManualClock();
  const store = createTelemetryStore({ clock });
  for (let i = 1; i <= 100; i++) store.histogram("latency_ms", "Latency").record(i);
  const quantiles = (): number[] => parse(renderPrometheusText(store.snapshot(), { histograms: "summary" })).get("latency_ms")!.samples.slice(0, 3).map(({ value }) => value);
  for (const [i, expected] of [50, 90, 99].entries()) assert.ok(Math.abs(quantiles()[i]! - expected) <= 0.01 * expected);
  clock.advance(120_000);
  assert.deepEqual(quantiles(), [Number.NaN, Number.NaN, Number.NaN]);
});

test("whatever is recorded, the text keeps to the format and the values come back", () => {
  const label = fc.tuple(fc.constantFrom("a", "b", "le", "x-y", "__z"), fc.oneof(fc.string(), fc.constantFrom("\n", "\\", "\"", "\\n\"")));
  const records = fc.array(fc.record({ kind: fc.constantFrom("counter", "gauge", "histogram"), value: fc.double(), labels: fc.array(label, { maxLength: 3 }) }), { maxLength: 30 });
  fc.assert(fc.property(records, fc.constantFrom("buckets" as const, "summary" as const), (all, histograms) => {
    const store = createTelemetryStore({ clock: createManualClock(), maximumSeries: 5 });
    for (const { kind, value, labels } of all) {
      const set = Object.fromEntries(labels);
      if (kind === "counter") store.counter("c", "Counter").add(value, set);
      else if (kind === "gauge") store.gauge("g", "Gauge").set(value, set);
      else store.histogram("h", "Histogram").record(value % 1e9, set);
    }
    const snapshot = store.snapshot();
    const families = parse(renderPrometheusText(snapshot, { histograms }));
    for (const instrument of snapshot.instruments) {
      const family = families.get(instrument.kind === "counter" ? `${instrument.name}_total` : instrument.name);
      if (instrument.kind === "histogram") continue;
      assert.deepEqual((family?.samples ?? []).map(({ labels, value }) => [Object.fromEntries(labels), value]), instrument.series.map(({ labels, value }) => [{ ...labels }, value]));
    }
  }));
});
