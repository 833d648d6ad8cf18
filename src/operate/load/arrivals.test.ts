/** Arrivals are those of the process they claim to be, and a request that finds no connection keeps its time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createArrivals, gapsOf } from "./arrivals.ts";
import type { OpenArrivals } from "./load-plan.ts";
import type { Slot } from "./slot.ts";

const GAPS = 50_000;

test("Poisson gaps are exponential: mean and deviation agree, and e⁻¹ of them are longer than the mean", () => {
  const next = gapsOf({ perSecond: 100, seed: 7, spacing: "poisson" });
  const gaps = Array.from({ length: GAPS }, next);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / GAPS;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / GAPS);
  const longer = gaps.filter((gap) => gap > 10).length / GAPS;
  assert.ok(Math.abs(mean - 10) < 0.2 && Math.abs(deviation - 10) < 0.3 && Math.abs(longer - Math.exp(-1)) < 0.01, `${mean}, ${deviation}, ${longer}`);
});

test("the same seed gives the same arrivals, another seed others; even gaps are equal", () => {
  const first = (seed: number): readonly number[] => Array.from({ length: 5 }, gapsOf({ perSecond: 10, seed }));
  assert.deepEqual(first(1), first(1));
  assert.notDeepEqual(first(1), first(2));
  assert.deepEqual(Array.from({ length: 3 }, gapsOf({ perSecond: 250, seed: 1, spacing: "even" })), [4, 4, 4]);
});

/** What was sent over which slot, and when it was to come. Slots are free again only when the test says so. */
async function watch(plan: Partial<OpenArrivals>, slots: number, ms: number) {
  const sent: { readonly slot: number; readonly cameMs: number; readonly atMs: number }[] = [];
  const all = Array.from({ length: slots }, (): Slot => ({ send: () => 0, waitsSinceMs: () => undefined, fail: () => undefined, close: () => undefined }));
  const arrivals = createArrivals({ kind: "open", perSecond: 200, seed: 1, spacing: "even", ...plan }, {
    send: (slot, cameMs) => {
      sent.push({ slot: all.indexOf(slot), cameMs, atMs: performance.now() });
      return true;
    },
    isExpired: () => false, onLateness: () => undefined,
  });
  arrivals.start(all);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { arrivals, sent, all };
}

test("without a free connection a request waits, and is sent with the time it was to come", async () => {
  const { arrivals, sent, all } = await watch({}, 1, 60);
  assert.equal(sent.length, 1);
  arrivals.freed(all[0]!);
  assert.equal(sent.length, 2);
  assert.ok(Math.abs(sent[1]!.cameMs - sent[0]!.cameMs - 5) < 0.001, "5 ms after the first");
  assert.ok(sent[1]!.atMs - sent[1]!.cameMs > 20, "and sent much later");
  assert.ok(arrivals.stop() >= 5, "the others never found one");
});

test("\"fewest\" uses the connection that was used last, \"all\" the one that waited longest", async () => {
  for (const connectionUse of ["fewest", "all"] as const) {
    const { arrivals, sent, all } = await watch({ connectionUse }, 4, 0);
    const free = [0, 1, 2, 3]; // as they wait
    const busy: number[] = [];
    const look = (): void => {
      for (const { slot } of sent.splice(0)) {
        assert.equal(slot, connectionUse === "fewest" ? free.pop() : free.shift());
        busy.push(slot);
      }
    };
    const timer = setInterval(() => {
      look();
      for (const slot of busy.splice(0)) { // more than one after a pause of the machine
        free.push(slot);
        arrivals.freed(all[slot]!); // what waited for a connection is sent on this one at once
        look();
      }
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, 80));
    clearInterval(timer);
    assert.ok(arrivals.stop() >= 0);
  }
});
