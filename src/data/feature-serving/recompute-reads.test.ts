import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, defineEntity, defineFeatureView, defineStream, hashFeatureView, last, lastN } from "../../define/index.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { FeatureReadSample } from "./read-sample.ts";
import { auditReads } from "./recompute-reads.ts";

const orders = defineStream("orders", { schema: z.object({ customer: z.string(), amount: z.number() }) });
const view = defineFeatureView("activity", {
  entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), features: (e) => ({ orders: count(), amount: last(e.amount), latest: lastN(e.amount, 2) }),
});
const events: EventColumns = {
  rows: 3, offsets: Float64Array.of(0, 1, 2), timesMs: Float64Array.of(10, 20, 15), knownAtMs: Float64Array.of(10, 20, 30),
  columns: { customer: { kind: "text", codes: Int32Array.of(0, 0, 0), dictionary: ["ada"] }, amount: { kind: "number", values: Float64Array.of(1.5, 2.5, 9) } },
};
const sample = (more: Partial<FeatureReadSample>): FeatureReadSample => ({ view: "activity", hash: hashFeatureView(view), entity: ["ada"], atMs: 20, offset: 2, values: [2, 2.5, [2.5, 1.5]], ...more });
const audit = (samples: readonly FeatureReadSample[]) => auditReads({
  views: new Map([["activity", view]]), samples, lake: { readEvents: () => Promise.resolve(events) },
  snapshot: { id: "s", createdAtMs: 0, streams: { orders: { endOffset: 3, files: [] } } } as unknown as Parameters<typeof auditReads>[0]["snapshot"], // what the audit looks at
});

test("a read is computed as of the offset it had seen, late events included or not", async () => {
  const seen = await audit([sample({}), sample({ offset: 3, values: [3, 2.5, [2.5, 9]] }), sample({ atMs: 10, values: [1, 1.5, [1.5, null]] }), sample({ entity: ["nobody"], values: [0, null, null] })]);
  assert.deepEqual(seen, { reads: 4, checked: 16, mismatches: 0, skipped: 0, examples: [] });
});

test("a value that was served wrongly is found by row and column", async () => {
  const { mismatches, examples } = await audit([sample({ values: [2, 2.25, [2.5, 1.5]] })]);
  assert.equal(mismatches, 1);
  assert.deepEqual(examples, [{ row: "activity ada", column: "amount", served: 2.25, recomputed: 2.5 }]);
});

test("reads of another definition, or beyond the snapshot, are left out and counted", async () => {
  assert.deepEqual(await audit([sample({ hash: "another" }), sample({ offset: 4 }), sample({ view: "gone" })]), { reads: 0, checked: 0, mismatches: 0, skipped: 3, examples: [] });
});
