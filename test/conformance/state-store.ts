/** The state store's contract as tests: `stateStoreConformance(engine, newPlace)` declares them for one engine. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { StateCheckpoint, StateStore } from "../../src/ports/state-store.ts";
import { caseDeclarer, type Skips } from "./cases.ts";

export interface StateStorePlace extends AsyncDisposable {
  /** Opens the same data each time, as after a restart. */
  open(): Promise<StateStore>;
}

export function stateStoreConformance(engine: string, newPlace: () => Promise<StateStorePlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} state store`, skips);

  declare("loads what was saved last, also after a restart", async () => {
    await using place = await newPlace();
    const store = await place.open();
    assert.equal(await store.load("windows"), undefined);
    await store.save("windows", checkpoint(1, [1, 2, 3]));
    await store.save("windows", checkpoint(2, []));
    assert.deepEqual(plainCheckpoint(await store.load("windows")), plainCheckpoint(checkpoint(2, [])));
    assert.deepEqual(plainCheckpoint(await (await place.open()).load("windows")), plainCheckpoint(checkpoint(2, [])));
  });

  declare("saves of one name that overlap take effect in call order", async () => {
    await using place = await newPlace();
    const store = await place.open();
    await Promise.all([1, 2, 3, 4, 5].map((offset) => store.save("windows", checkpoint(offset, [offset]))));
    assert.deepEqual((await store.load("windows"))?.offsets, { clicks: 5 });
  });

  declare("keeps names apart, lists them, and forgets deleted ones for good", async () => {
    await using place = await newPlace();
    const store = await place.open();
    const names = ["a", "A", "a/b", "..", "a.previous", "ключ"];
    for (const [i, name] of names.entries()) for (const round of [0, 1]) await store.save(name, checkpoint(i + round, [i]));
    assert.deepEqual(await store.names(), names.toSorted());
    await store.delete("a");
    await store.delete("a");
    const again = await place.open();
    assert.equal(await again.load("a"), undefined);
    assert.deepEqual(await again.names(), names.filter((name) => name !== "a").toSorted());
    assert.deepEqual((await again.load("A"))?.offsets, { clicks: 2 });
  });

  declare("any sequence of operations equals a map", async () => {
    const name = fc.constantFrom("x", "y");
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("save" as const), name, checkpoint: fc.record({ offsets: fc.dictionary(fc.string(), fc.nat()), bytes: fc.uint8Array({ maxLength: 300 }) }) }),
      fc.record({ kind: fc.constant("delete" as const), name }),
      fc.record({ kind: fc.constant("reopen" as const) }),
    );
    await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 8 }), async (operations) => {
      await using place = await newPlace();
      let store = await place.open();
      const model = new Map<string, StateCheckpoint>();
      for (const operation of operations) {
        if (operation.kind === "reopen") store = await place.open();
        if (operation.kind === "delete") {
          await store.delete(operation.name);
          model.delete(operation.name);
        }
        if (operation.kind === "save") {
          await store.save(operation.name, operation.checkpoint);
          model.set(operation.name, operation.checkpoint);
        }
        assert.deepEqual(await store.names(), [...model.keys()].toSorted());
        for (const each of ["x", "y"]) assert.deepEqual(plainCheckpoint(await store.load(each)), plainCheckpoint(model.get(each)));
      }
    }), { numRuns: 15 });
  });
}

export function checkpoint(offset: number, bytes: readonly number[]): StateCheckpoint {
  return { offsets: { clicks: offset }, bytes: Uint8Array.from(bytes) };
}

export function plainCheckpoint(found: StateCheckpoint | undefined): unknown {
  return found && { offsets: { ...found.offsets }, bytes: [...found.bytes] };
}
