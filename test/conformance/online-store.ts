/**
 * The online store's contract as tests: `onlineStoreConformance(engine, newPlace)` declares them for one engine.
 * A place whose store several processes may open at once has `isShared`.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { OnlineEntry, OnlineStore, OnlineWrite } from "../../src/ports/online-store.ts";
import { caseDeclarer, type DeclareCase, type Skips } from "./cases.ts";

export interface OnlineStorePlace extends AsyncDisposable {
  /** Opens the same data each time, as after a restart; beside an open one only where `isShared`. */
  open(): Promise<OnlineStore>;
  readonly isShared: boolean;
}

type InStore = (work: (store: OnlineStore, reopen: () => Promise<OnlineStore>, place: OnlineStorePlace) => Promise<void>) => Promise<void>;

export function onlineStoreConformance(engine: string, newPlace: () => Promise<OnlineStorePlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} online store`, skips);
  const inStore: InStore = async (work) => {
    await using place = await newPlace();
    let store = await place.open();
    try {
      await work(store, async () => {
        await store.close();
        return store = await place.open();
      }, place);
    } finally {
      await store.close();
    }
  };
  declareReading(declare, inStore);
  declarePositions(declare, inStore);
  declarePlaces(declare, inStore);
  declareLaws(declare, inStore);
  declareSharing(declare, inStore);
  declareClosing(declare, inStore);
}

const row = (key: string, ...bytes: readonly number[]): OnlineEntry => ({ key, bytes: Uint8Array.from(bytes) });
const gone = (key: string): OnlineEntry => ({ key, bytes: undefined });

function write(offset: number, entries: readonly OnlineEntry[], more: Partial<OnlineWrite> = {}): OnlineWrite {
  return { view: "spend", partition: 0, epoch: 1, offsets: { purchases: offset }, entries, ...more };
}

async function read(store: OnlineStore, keys: readonly string[], view = "spend"): Promise<readonly (readonly number[] | undefined)[]> {
  return (await store.read(view, keys)).map((bytes) => bytes && [...bytes]);
}

async function entriesOf(store: OnlineStore, view: string, partition: number): Promise<Readonly<Record<string, readonly number[]>>> {
  const found: [string, readonly number[]][] = [];
  for await (const { key, bytes } of store.entries(view, partition)) found.push([key, [...bytes]]);
  assert.equal(new Set(found.map(([key]) => key)).size, found.length, "an entity came twice");
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(() => "accepted", (thrown: { code?: unknown }) => thrown.code);
}

function declareReading(declare: DeclareCase, inStore: InStore): void {
  declare("what was written is read by key, in the order asked; also after a restart", () => inStore(async (store, reopen) => {
    assert.deepEqual(await read(store, ["a"]), [undefined]);
    assert.deepEqual(await read(store, []), []);
    await store.write(write(1, [row("a", 1, 0, 255), row("b"), row("", 7), row("ключ 🗝 \0\n", 9)]));
    const keys = ["b", "nobody", "a", "a", "", "ключ 🗝 \0\n"];
    const expected = [[], undefined, [1, 0, 255], [1, 0, 255], [7], [9]];
    assert.deepEqual(await read(store, keys), expected);
    assert.deepEqual(await read(await reopen(), keys), expected);
  }));

  declare("a write replaces, adds and removes in one step", () => inStore(async (store, reopen) => {
    await store.write(write(1, [row("a", 1), row("b", 1), row("c", 1)]));
    await store.write(write(2, [row("a", 2), gone("b"), row("d", 2), gone("nobody"), row("c", 3), gone("c")]));
    assert.deepEqual(await read(store, ["a", "b", "c", "d"]), [[2], undefined, undefined, [2]]);
    assert.deepEqual(await entriesOf(await reopen(), "spend", 0), { a: [2], d: [2] });
  }));

  declare("the caller's bytes are its own again when the write resolved", () => inStore(async (store) => {
    const bytes = Uint8Array.from([1, 2, 3]);
    await store.write(write(1, [{ key: "a", bytes }]));
    bytes.fill(0);
    assert.deepEqual(await read(store, ["a"]), [[1, 2, 3]]);
  }));

  declare("takes large writes and large reads", () => inStore(async (store, reopen) => {
    const keys = Array.from({ length: 5_000 }, (_, i) => `customer-${i}`);
    await store.write(write(1, keys.map((key, i) => ({ key, bytes: Buffer.alloc(400, i) }))));
    await store.write(write(2, [{ key: "large", bytes: Buffer.alloc(3_000_000, 5) }]));
    const again = await reopen();
    const found = await again.read("spend", keys);
    assert.ok(found.every((bytes, i) => bytes?.length === 400 && bytes[399] === i % 256));
    assert.equal((await again.read("spend", ["large"]))[0]?.length, 3_000_000);
    assert.equal(Object.keys(await entriesOf(again, "spend", 0)).length, 5_001);
  }));

  declare("a read never sees half of a write", () => inStore(async (store) => {
    const keys = ["a", "b", "c", "d"];
    let done = false;
    const writing = (async () => {
      for (let i = 1; i <= 60; i++) await store.write(write(i, keys.map((key) => row(key, i))));
      done = true;
    })();
    let looks = 0;
    for (; !done; looks++) {
      assert.equal(new Set((await read(store, keys)).map(String)).size, 1);
      await new Promise((resolve) => setImmediate(resolve)); // an engine that answers from memory would leave the writer no turn
    }
    await writing;
    assert.ok(looks > 0);
  }));
}

function declarePositions(declare: DeclareCase, inStore: InStore): void {
  declare("a claim raises the epoch, keeps bytes and position, and fences who had it", () => inStore(async (store, reopen) => {
    assert.deepEqual(await store.claim("spend", 0, 1), { epoch: 1, offsets: {} });
    await store.write(write(7, [row("a", 1)]));
    assert.deepEqual(await store.claim("spend", 0, 1), { epoch: 1, offsets: { purchases: 7 } });
    assert.deepEqual(await store.claim("spend", 0, 4), { epoch: 4, offsets: { purchases: 7 } });
    assert.equal(await codeOf(store.write(write(8, [row("a", 2)]))), "STORE_FENCED");
    assert.equal(await codeOf(store.claim("spend", 0, 3)), "STORE_FENCED");
    const again = await reopen();
    assert.deepEqual([await read(again, ["a"]), await again.position("spend", 0)], [[[1]], { epoch: 4, offsets: { purchases: 7 } }]);
    await again.write(write(8, [row("a", 3)], { epoch: 4 }));
    assert.deepEqual(await read(again, ["a"]), [[3]]);
  }));

  declare("the position is that of the last write, also after a restart; undefined before the first", () => inStore(async (store, reopen) => {
    assert.equal(await store.position("spend", 0), undefined);
    await store.write(write(5, [row("a", 1)], { offsets: { purchases: 5, "a log/with {odd} name": 2 ** 53 - 1 }, epoch: 3 }));
    const expected = { offsets: { purchases: 5, "a log/with {odd} name": 2 ** 53 - 1 }, epoch: 3 };
    assert.deepEqual(await store.position("spend", 0), expected);
    assert.equal(await store.position("spend", 1), undefined);
    assert.equal(await store.position("other", 0), undefined);
    assert.deepEqual(await (await reopen()).position("spend", 0), expected);
    await store.write(write(1, [])).catch(() => undefined);
  }));

  declare("a write under an older epoch is refused, changes nothing, and a restart does not forget", () => inStore(async (store, reopen) => {
    await store.write(write(5, [row("a", 5)], { epoch: 2 }));
    const late = write(9, [row("a", 9), row("b", 9)], { epoch: 1 });
    await assert.rejects(store.write(late), { code: "STORE_FENCED", details: { view: "spend", partition: 0, epoch: 1, current: 2 } });
    const again = await reopen();
    assert.equal(await codeOf(again.write(late)), "STORE_FENCED");
    assert.deepEqual(await read(again, ["a", "b"]), [[5], undefined]);
    assert.deepEqual(await again.position("spend", 0), { offsets: { purchases: 5 }, epoch: 2 });
    await again.write(write(1, [row("b", 1)], { epoch: 1, partition: 1 })); // other partitions have epochs of their own
  }));

  declare("a newer epoch takes the partition over where it stands, even without entries", () => inStore(async (store) => {
    await store.write(write(5, [row("a", 5)]));
    await store.write(write(5, [], { epoch: 2 }));
    assert.deepEqual(await store.position("spend", 0), { offsets: { purchases: 5 }, epoch: 2 });
    assert.equal(await codeOf(store.write(write(6, [row("a", 6)]))), "STORE_FENCED");
    await store.write(write(6, [row("a", 60)], { epoch: 2 }));
    assert.deepEqual(await read(store, ["a"]), [[60]]);
  }));

  declare("a write that stands where the partition stands, or before, changes nothing", () => inStore(async (store) => {
    const at = (purchases: number, clicks: number, value: number): OnlineWrite => write(0, [row("a", value)], { offsets: { purchases, clicks } });
    await store.write(at(5, 2, 1));
    for (const [purchases, clicks] of [[5, 2], [4, 2], [5, 0], [0, 0]] as const) await store.write(at(purchases, clicks, 99));
    await store.write(write(5, [row("a", 99)])); // a log that is not named stands at 0
    assert.deepEqual(await read(store, ["a"]), [[1]]);
    assert.deepEqual(await store.position("spend", 0), { offsets: { purchases: 5, clicks: 2 }, epoch: 1 });
    await store.write(at(5, 3, 2));
    assert.deepEqual(await read(store, ["a"]), [[2]]);
  }));

  declare("a write that goes forward in one log and back in another is refused", () => inStore(async (store) => {
    await store.write(write(0, [row("a", 1)], { offsets: { purchases: 5, clicks: 2 } }));
    assert.equal(await codeOf(store.write(write(0, [row("a", 2)], { offsets: { purchases: 6, clicks: 1 } }))), "STORE_FAILED");
    assert.equal(await codeOf(store.write(write(6, [row("a", 2)]))), "STORE_FAILED");
    assert.deepEqual(await read(store, ["a"]), [[1]]);
  }));

  declare("writes of one partition that overlap take effect in call order", () => inStore(async (store) => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => store.write(write(i + 1, [row("a", i), row(`k${i}`, i)]))));
    assert.deepEqual(await read(store, ["a", "k0", "k39"]), [[39], [0], [39]]);
    assert.deepEqual(await store.position("spend", 0), { offsets: { purchases: 40 }, epoch: 1 });
  }));
}

function declarePlaces(declare: DeclareCase, inStore: InStore): void {
  declare("views and partitions are kept apart, whatever their names; one view's keys are read across its partitions", () => inStore(async (store, reopen) => {
    const views = ["spend", "Spend", "spend.0", "a/b", "{x}", "..", "ключ"];
    for (const [i, view] of views.entries()) {
      for (const partition of [0, 1, 11]) await store.write(write(i + 1, [row(`of ${partition}`, i, partition)], { view, partition }));
    }
    const again = await reopen();
    for (const [i, view] of views.entries()) {
      assert.deepEqual(await read(again, ["of 11", "of 0", "of 1", "of 2"], view), [[i, 11], [i, 0], [i, 1], undefined]);
      for (const partition of [0, 1, 11]) assert.deepEqual(await entriesOf(again, view, partition), { [`of ${partition}`]: [i, partition] });
      assert.deepEqual((await again.position(view, 1))?.offsets, { purchases: i + 1 });
    }
    assert.deepEqual(await entriesOf(again, "spend", 2), {});
  }));

  declare("a dropped view is forgotten with its positions; others stay, and it can be written again", () => inStore(async (store, reopen) => {
    for (const view of ["spend", "other"]) for (const partition of [0, 1]) await store.write(write(9, [row(`${partition}`, 1)], { view, partition, epoch: 5 }));
    await store.drop("spend");
    await store.drop("never written");
    const again = await reopen();
    assert.deepEqual(await read(again, ["0", "1"]), [undefined, undefined]);
    assert.equal(await again.position("spend", 0), undefined);
    assert.deepEqual(await entriesOf(again, "spend", 1), {});
    assert.deepEqual(await read(again, ["0", "1"], "other"), [[1], [1]]);
    await again.write(write(1, [row("0", 2)]));
    assert.deepEqual(await entriesOf(again, "spend", 0), { "0": [2] });
    await Promise.all([again.drop("spend"), again.write(write(2, [row("0", 3)])), again.drop("spend")]);
    const [found] = await read(again, ["0"]);
    assert.deepEqual((await again.position("spend", 0))?.offsets, found && { purchases: 2 }, "the position says what the bytes are");
  }));
}

function declareLaws(declare: DeclareCase, inStore: InStore): void {
  declare("any sequence of operations equals a map", async () => {
    const entry = fc.record({ key: fc.constantFrom("a", "b", "c", "д"), bytes: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }) });
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), partition: fc.nat(1), epoch: fc.integer({ min: 1, max: 3 }), offset: fc.nat(12), entries: fc.array(entry, { maxLength: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
    );
    await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 14 }), (operations) => inStore(async (first, reopen) => {
      let store = first;
      const model = new Map<number, { rows: Map<string, readonly number[]>; offset: number; epoch: number }>();
      for (const step of operations) {
        if (step.kind === "reopen") store = await reopen();
        if (step.kind === "drop") {
          await store.drop("spend");
          model.clear();
        }
        if (step.kind === "write") {
          const entries = step.entries.map(({ key, bytes }) => ({ key: `${step.partition}${key}`, bytes }));
          const at = model.get(step.partition);
          const outcome = await codeOf(store.write(write(step.offset, entries, { partition: step.partition, epoch: step.epoch })));
          assert.equal(outcome, at !== undefined && step.epoch < at.epoch ? "STORE_FENCED" : "accepted");
          if (at === undefined || step.epoch > at.epoch || (step.epoch === at.epoch && step.offset > at.offset)) {
            const rows = at?.rows ?? new Map<string, readonly number[]>();
            for (const { key, bytes } of entries) {
              if (bytes === undefined) rows.delete(key);
              else rows.set(key, [...bytes]);
            }
            model.set(step.partition, { rows, offset: step.offset, epoch: step.epoch });
          }
        }
        for (const partition of [0, 1]) {
          const at = model.get(partition);
          assert.deepEqual(await store.position("spend", partition), at && { offsets: { purchases: at.offset }, epoch: at.epoch });
          assert.deepEqual(await entriesOf(store, "spend", partition), Object.fromEntries([...at?.rows ?? []].toSorted(([a], [b]) => (a < b ? -1 : 1))));
          const keys = ["a", "b", "c", "д"].map((key) => `${partition}${key}`);
          assert.deepEqual(await read(store, keys), keys.map((key) => at?.rows.get(key)));
        }
      }
    })), { numRuns: 25 });
  });
}

function declareSharing(declare: DeclareCase, inStore: InStore): void {
  declare("workers that race for a partition never both move it, and readers elsewhere see what is there", () => inStore(async (first, _, place) => {
    const others = await Promise.all(Array.from({ length: place.isShared ? 4 : 0 }, () => place.open()));
    const stores = [first, ...others];
    const accepted = await Promise.all(Array.from({ length: 12 }, async (_, i) => {
      const epoch = (i * 7) % 12 + 1;
      const store = stores[i % stores.length]!;
      const wrote: number[] = [];
      for (let offset = 1; offset <= 5; offset++) {
        if (await codeOf(store.write(write(offset, [row("owner", epoch), row("at", offset)], { epoch }))) === "accepted") wrote.push(offset);
        else break; // fenced
      }
      return { epoch, wrote };
    }));
    assert.deepEqual(accepted.find(({ epoch }) => epoch === 12)?.wrote, [1, 2, 3, 4, 5]);
    for (const store of stores) {
      assert.deepEqual(await read(store, ["owner", "at"]), [[12], [5]]);
      assert.deepEqual(await store.position("spend", 0), { offsets: { purchases: 5 }, epoch: 12 });
    }
    for (const store of others) await store.close();
  }));
}

function declareClosing(declare: DeclareCase, inStore: InStore): void {
  declare("closing finishes what waits; afterwards every call is refused with CLOSED", () => inStore(async (store, reopen) => {
    const waiting = store.write(write(1, [row("a", 1)]));
    await Promise.all([waiting, store.close(), store.close()]);
    const refused = [store.write(write(2, [])), store.read("spend", ["a"]), store.position("spend", 0), entriesOf(store, "spend", 0), store.drop("spend")];
    assert.deepEqual(await Promise.all(refused.map(codeOf)), ["CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED"]);
    assert.deepEqual(await read(await reopen(), ["a"]), [[1]]);
  }));
}
