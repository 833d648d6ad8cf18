import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createManualClock } from "../../kernel/clock.ts";
import { createTelemetryStore } from "../../observe/index.ts";
import { renderPrometheusText } from "../../protocols/prometheus/text.ts";
import { mergeSnapshots } from "./merged-metrics.ts";

test("metrics of several processes are those of one process that did everything", () => {
  const record = fc.record({ process: fc.nat(2), label: fc.constantFrom("a", "b"), kind: fc.constantFrom("counter", "gauge", "histogram"), value: fc.nat(1_000) });
  fc.assert(fc.property(fc.array(record, { maxLength: 80 }), (records) => {
    const clock = createManualClock(1_000);
    const stores = Array.from({ length: 3 }, () => createTelemetryStore({ clock }));
    const whole = createTelemetryStore({ clock });
    const gauges = new Map<string, number>();
    for (const { process, label, kind, value } of records) {
      for (const store of [stores[process]!, whole]) {
        if (kind === "counter") store.counter("calls_total", "Calls").add(value, { label });
        if (kind === "histogram") store.histogram("seconds", "Seconds").record(value / 100, { label });
      }
      if (kind !== "gauge") continue;
      stores[process]!.gauge("waiting", "Waiting").set(value, { label });
      gauges.set(`${process} ${label}`, value);
      whole.gauge("waiting", "Waiting").set(Array.from(gauges).filter(([key]) => key.endsWith(label)).reduce((sum, [, one]) => sum + one, 0), { label });
    }
    const lines = (text: string): readonly string[] => text.split("\n").map((line) => line.replace(/(?<=_sum\S* )(\S+)$/, (sum) => Number(sum).toFixed(6))).toSorted();
    assert.deepEqual(lines(renderPrometheusText(mergeSnapshots(stores.map((store) => store.snapshot())))), lines(renderPrometheusText(whole.snapshot())));
  }), { numRuns: 100 });
});
