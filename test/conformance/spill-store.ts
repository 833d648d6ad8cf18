/** The spill store's contract as tests: `spillStoreConformance(engine, newPlace)` declares them for one engine. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SpillStore } from "../../src/ports/spill-store.ts";
import { caseDeclarer, type Skips } from "./cases.ts";

export interface SpillPlace extends AsyncDisposable {
  /** A new, empty store. */
  open(): SpillStore;
}

export function spillStoreConformance(engine: string, newPlace: () => Promise<SpillPlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} spill store`, skips);

  declare("any sequence of operations equals a map", async () => {
    await using place = await newPlace();
    const step = fc.oneof(
      fc.record({ kind: fc.constant("put" as const), size: fc.oneof(fc.nat(300), fc.constantFrom(0, 900_000, 2_500_000)) }),
      fc.record({ kind: fc.constantFrom("read" as const, "take" as const, "drop" as const), pick: fc.nat() }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = place.open();
      const expected = new Map<number, Uint8Array>();
      steps.forEach((each, index) => {
        if (each.kind === "put") {
          const bytes = new Uint8Array(each.size).fill(index + 1);
          const kept = store.put(bytes);
          assert.ok(!expected.has(kept));
          expected.set(kept, bytes.slice());
          bytes.fill(0); // what was put is the store's own
          return;
        }
        const kept = [...expected.keys()][each.pick % Math.max(1, expected.size)];
        if (kept === undefined) return;
        if (each.kind !== "drop") assert.deepEqual(store[each.kind](kept), expected.get(kept));
        else store.drop(kept);
        if (each.kind !== "read") expected.delete(kept);
      });
      const { entries, keptBytes } = store.statistics();
      assert.deepEqual({ entries, keptBytes }, { entries: expected.size, keptBytes: [...expected.values()].reduce((sum, bytes) => sum + bytes.length, 0) });
      for (const [kept, bytes] of expected) assert.deepEqual(store.read(kept), bytes);
      store.close();
    }), { numRuns: 25 });
  });

  declare("room in use stays within a constant of what is kept, and the living survive", async () => {
    await using place = await newPlace();
    const store = place.open();
    const kept: number[] = [];
    for (let round = 0; round < 400; round++) {
      for (let index = 0; index < 10; index++) kept.push(store.put(new Uint8Array(40_000).fill((round * 10 + index) % 251)));
      for (const old of kept.splice(0, Math.max(0, kept.length - 20))) store.drop(old);
    }
    const { keptBytes, usedBytes } = store.statistics();
    assert.ok(usedBytes <= 2 * keptBytes + 20 * 1024 * 1024, `${usedBytes} bytes for ${keptBytes}`);
    kept.forEach((each, index) => assert.equal(store.take(each)[0], (400 * 10 - 20 + index) % 251));
    store.close();
  });

  declare("what is not kept is refused, and a closed store keeps nothing", async () => {
    await using place = await newPlace();
    const store = place.open();
    const kept = store.put(Uint8Array.of(1));
    store.take(kept);
    assert.throws(() => store.read(kept), { code: "SPILL_FAILED" });
    assert.throws(() => store.take(99), { code: "SPILL_FAILED" });
    store.drop(kept);
    store.close();
    store.close();
    assert.throws(() => store.put(Uint8Array.of(1)), { code: "SPILL_FAILED" });
    assert.equal(store.statistics().usedBytes, 0);
  });
}
