/**
 * The event log's contract as tests: `eventLogConformance(engine, newPlace)` declares them for one engine.
 * A place is where one log's data lives; opening it again finds the same data.
 */
import assert from "node:assert/strict";
import { createManualClock, type ManualClock } from "../../src/kernel/clock.ts";
import type { EventLog, NewRecord, RecordBatch } from "../../src/ports/event-log.ts";
import { caseDeclarer, type DeclareCase, type Skips } from "./cases.ts";
import { checkEventLogLaws } from "./event-log-laws.ts";
import type { NewEventLogPlace } from "./event-log-place.ts";
import { plain, readAll, record, recordsNamed } from "./log-records.ts";

export function eventLogConformance(engine: string, newPlace: NewEventLogPlace, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} event log`, skips);
  const inPlace: InPlace = async (work) => {
    await using place = await newPlace({ segmentBytes: 4_096 });
    const clock = createManualClock(1_000_000);
    await work({ clock, open: () => place.open(clock), openAt: (other) => place.open(other) });
  };
  declareAppending(declare, inPlace);
  declareReading(declare, inPlace);
  declareFollowing(declare, inPlace);
  declareRetention(declare, inPlace);
  declareCheckpoints(declare, inPlace);
  declareClosing(declare, inPlace);
  declare("any sequence of operations equals a simple model in memory", () => checkEventLogLaws(newPlace));
}

interface OpenPlace {
  readonly clock: ManualClock;
  open(): Promise<EventLog>;
  /** With another clock. */
  openAt(clock: ManualClock): Promise<EventLog>;
}

type InPlace = (work: (place: OpenPlace) => Promise<void>) => Promise<void>;

const ids = (records: readonly NewRecord[]): readonly string[] => records.map((one) => one.id);

function declareAppending(declare: DeclareCase, inPlace: InPlace): void {
  declare("gives consecutive offsets in call order, also to appends that overlap", () => inPlace(async ({ open }) => {
    await using log = await open();
    const results = await Promise.all([1, 3, 2, 0, 4].map((count, i) => log.append("clicks", recordsNamed(`${i}-`, count))));
    assert.deepEqual(results, [[0, 1], [1, 4], [4, 6], [6, 6], [6, 10]].map(([baseOffset, nextOffset]) => ({ baseOffset, nextOffset })));
    const records = await readAll(log, "clicks");
    assert.deepEqual(records.map((one) => one.offset), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(ids(records), ["0-0", "1-0", "1-1", "1-2", "2-0", "2-1", "4-0", "4-1", "4-2", "4-3"]);
  }));

  declare("keeps records as given: any bytes, any well-formed id, any time", () => inPlace(async ({ open }) => {
    const records: NewRecord[] = [
      { id: "", timeMs: -1.5, knownAtMs: 0, payload: new Uint8Array() },
      { id: "ключ-💡-é", timeMs: 1e15, knownAtMs: 2 ** 53, payload: Uint8Array.from({ length: 256 }, (_, i) => i) },
      { id: "plain", timeMs: 1_700_000_000_000.25, knownAtMs: 1, payload: Buffer.alloc(70_000, 7) },
    ];
    {
      await using log = await open();
      await log.append("a log / with % Signs", records);
      assert.deepEqual(plain(await readAll(log, "a log / with % Signs")), plain(records));
    }
    await using again = await open();
    assert.deepEqual(again.logs(), ["a log / with % Signs"]);
    assert.deepEqual(plain(await readAll(again, "a log / with % Signs")), plain(records));
  }));

  declare("has taken the records when append returns: the caller may reuse its buffers", () => inPlace(async ({ open }) => {
    await using log = await open();
    const buffer = Buffer.from("original");
    const appended = log.append("clicks", [{ ...record("a"), payload: buffer }]);
    buffer.fill("X");
    await appended;
    const [kept] = await readAll(log, "clicks");
    assert.equal(Buffer.from(kept!.payload).toString(), "original");
  }));

  declare("keeps logs apart, and knows nothing of a log before its first record", () => inPlace(async ({ open }) => {
    await using log = await open();
    assert.deepEqual(log.statistics("none"), { oldestOffset: 0, nextOffset: 0, sizeBytes: 0, segments: 0 });
    assert.deepEqual(await readAll(log, "none"), []);
    assert.deepEqual(await log.verify("none"), []);
    await log.append("a", recordsNamed("a", 2));
    await log.append("b", recordsNamed("b", 1));
    assert.deepEqual([log.logs(), ids(await readAll(log, "a")), ids(await readAll(log, "b"))], [["a", "b"], ["a0", "a1"], ["b0"]]);
    assert.equal(log.statistics("a").nextOffset, 2);
    assert.equal(log.pendingBytes(), 0);
  }));

  declare("counts bytes as pending until they are durable", () => inPlace(async ({ open }) => {
    await using log = await open();
    const appended = log.append("clicks", [record("a", Buffer.alloc(1_000))]);
    assert.ok(log.pendingBytes() >= 1_000);
    await appended;
    assert.equal(log.pendingBytes(), 0);
  }));
}

function declareReading(declare: DeclareCase, inPlace: InPlace): void {
  declare("reads from any offset, also inside a batch and past the end", () => inPlace(async ({ open }) => {
    await using log = await open();
    for (const prefix of ["a", "b", "c"]) await log.append("clicks", recordsNamed(prefix, 3));
    const all = ids(await readAll(log, "clicks"));
    for (let offset = 0; offset <= 11; offset++) {
      const found: string[] = [];
      for await (const batch of log.read("clicks", { from: { offset } })) {
        assert.equal(batch.baseOffset, batch.records[0]?.offset);
        found.push(...ids(batch.records));
      }
      assert.deepEqual(found, all.slice(offset));
    }
  }));

  declare("reads from a time: the first record appended at or after it", () => inPlace(async ({ open, clock }) => {
    await using log = await open();
    for (const prefix of ["a", "b", "c", "d"]) {
      await log.append("clicks", recordsNamed(prefix, 30));
      clock.advance(1_000);
    }
    const firstSince = async (appendedAtMs: number): Promise<string | undefined> => (await readAll(log, "clicks", { from: { appendedAtMs } }))[0]?.id;
    const asked = [-Infinity, 0, 1_000_000, 1_000_001, 1_001_000, 1_002_500, 1_003_000, 1_003_001, Infinity];
    assert.deepEqual(await Promise.all(asked.map(firstSince)), ["a0", "a0", "a0", "b0", "b0", "d0", "d0", undefined, undefined]);
  }));

  declare("append times never go back, though the machine's clock does", () => inPlace(async ({ open, openAt }) => {
    {
      await using log = await open();
      await log.append("clicks", recordsNamed("a", 1));
    }
    await using log = await openAt(createManualClock(1));
    await log.append("clicks", recordsNamed("b", 1));
    const times: number[] = [];
    for await (const batch of log.read("clicks", { from: { appendedAtMs: 1_000_000 } })) times.push(batch.appendedAtMs);
    assert.deepEqual(times, [1_000_000, 1_000_000]);
  }));

  declare("refuses to read from what is neither an offset nor a time", () => inPlace(async ({ open }) => {
    await using log = await open();
    for (const from of [{ offset: -1 }, { offset: 0.5 }, { offset: Number.NaN }, { appendedAtMs: Number.NaN }]) {
      await assert.rejects(readAll(log, "clicks", { from }), { code: "REQUEST_INVALID" });
    }
  }));

  declare("serves the same records after it was closed and opened again", () => inPlace(async ({ open, clock }) => {
    const first = await open();
    for (let i = 0; i < 20; i++) await first.append("clicks", recordsNamed(`${i}-`, 7));
    const before = { records: plain(await readAll(first, "clicks")), statistics: first.statistics("clicks") };
    await first.close();
    clock.advance(1);
    await using second = await open();
    assert.deepEqual({ records: plain(await readAll(second, "clicks")), statistics: second.statistics("clicks") }, before);
    assert.deepEqual(await second.verify("clicks"), []);
    assert.deepEqual(await second.append("clicks", [record("next")]), { baseOffset: 140, nextOffset: 141 });
  }));
}

function declareFollowing(declare: DeclareCase, inPlace: InPlace): void {
  declare("a following read delivers what is there, waits, and delivers what comes", () => inPlace(async ({ open }) => {
    await using log = await open();
    await log.append("clicks", recordsNamed("a", 2));
    const stop = new AbortController();
    const reading = log.read("clicks", { from: { offset: 1 }, follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    const idsOf = (step: IteratorResult<RecordBatch>): readonly string[] => (step.done ? [] : ids(step.value.records));
    assert.deepEqual(idsOf(await reading.next()), ["a1"]);
    const waiting = reading.next();
    await log.append("clicks", recordsNamed("b", 2));
    assert.deepEqual(idsOf(await waiting), ["b0", "b1"]);
    const last = reading.next();
    stop.abort();
    assert.equal((await last).done, true);
  }));

  declare("a following read of a log that does not exist yet waits for its first record", () => inPlace(async ({ open }) => {
    await using log = await open();
    const stop = new AbortController();
    const reading = log.read("later", { from: { offset: 0 }, follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    const waiting = reading.next();
    await log.append("later", [record("first")]);
    const step = await waiting;
    assert.deepEqual(step.done ? [] : ids(step.value.records), ["first"]);
    stop.abort();
    assert.equal((await reading.next()).done, true);
  }));

  declare("a following read sees every record once while appends go on, also from a time and across aborts", () => inPlace(async ({ open }) => {
    await using log = await open();
    const seen: number[] = [];
    const follow = async (): Promise<void> => {
      const stop = new AbortController();
      for await (const batch of log.read("clicks", { from: { offset: seen.length }, follow: true, signal: stop.signal })) {
        seen.push(...batch.records.map((one) => one.offset));
        if (seen.length % 5 === 0 || seen.length === 300) stop.abort(); // and go on in a new read
      }
    };
    const appending = (async () => {
      for (let i = 0; i < 100; i++) await log.append("clicks", recordsNamed(`${i}-`, 3));
    })();
    while (seen.length < 300) await follow();
    await appending;
    assert.deepEqual(seen, Array.from({ length: 300 }, (_, i) => i));
  }));

  declare("an aborted signal ends a read before it starts", () => inPlace(async ({ open }) => {
    await using log = await open();
    await log.append("clicks", recordsNamed("a", 2));
    assert.deepEqual(await readAll(log, "clicks", { from: { offset: 0 }, follow: true, signal: AbortSignal.abort() }), []);
  }));
}

function declareRetention(declare: DeclareCase, inPlace: InPlace): void {
  declare("retention by bytes drops whole old segments, never the one being written", () => inPlace(async ({ open }) => {
    await using log = await open();
    for (let i = 0; i < 40; i++) await log.append("clicks", [record(`${i}`, Buffer.alloc(500))]);
    const before = log.statistics("clicks");
    assert.ok(before.segments >= 4);
    const dropped = await log.retain("clicks", { maxBytes: before.sizeBytes / 2 });
    const after = log.statistics("clicks");
    assert.ok(dropped > 0 && after.sizeBytes <= before.sizeBytes / 2);
    assert.deepEqual([after.oldestOffset, after.nextOffset], [dropped, 40]);
    assert.deepEqual((await readAll(log, "clicks", { from: { offset: dropped } })).map((one) => one.offset), Array.from({ length: 40 - dropped }, (_, i) => i + dropped));
    await assert.rejects(readAll(log, "clicks", { from: { offset: dropped - 1 } }), { code: "LOG_OFFSET_GONE" });
    await log.retain("clicks", { maxBytes: 0 });
    assert.equal(log.statistics("clicks").segments, 1);
    assert.equal(await log.retain("clicks", { maxBytes: 0 }), 0);
  }));

  declare("retention by age drops segments whose newest record is older, and stays dropped", () => inPlace(async ({ open, clock }) => {
    {
      await using log = await open();
      for (let i = 0; i < 40; i++) {
        await log.append("clicks", [record(`${i}`, Buffer.alloc(500))]);
        clock.advance(1_000);
      }
      assert.equal(await log.retain("clicks", { maxAgeMs: 41_000 }), 0);
      const dropped = await log.retain("clicks", { maxAgeMs: 20_000 });
      assert.ok(dropped > 0 && dropped <= 20, `dropped ${dropped}`);
    }
    await using again = await open();
    const { oldestOffset } = again.statistics("clicks");
    assert.ok(oldestOffset > 0 && oldestOffset <= 20);
    assert.equal((await readAll(again, "clicks", { from: { appendedAtMs: 0 } }))[0]?.offset, oldestOffset);
    await assert.rejects(readAll(again, "clicks"), { code: "LOG_OFFSET_GONE" });
  }));

  declare("a read that retention overtakes ends with LOG_OFFSET_GONE, not with a gap", () => inPlace(async ({ open, clock }) => {
    await using log = await open();
    for (let i = 0; i < 40; i++) await log.append("clicks", [record(`${i}`, Buffer.alloc(500))]);
    const reading = log.read("clicks", { from: { offset: 0 } })[Symbol.asyncIterator]();
    await reading.next();
    clock.advance(1_000);
    await log.retain("clicks", { maxAgeMs: 0 });
    await assert.rejects(reading.next(), { code: "LOG_OFFSET_GONE" });
  }));
}

function declareCheckpoints(declare: DeclareCase, inPlace: InPlace): void {
  declare("checkpoints are per log and group, durable, and never move backwards", () => inPlace(async ({ open }) => {
    {
      await using log = await open();
      await log.append("clicks", recordsNamed("a", 10));
      await log.append("views", recordsNamed("a", 10));
      assert.equal(log.checkpoint("clicks", "lake"), 0);
      await Promise.all([7, 9, 8].map((offset) => log.commit("clicks", "lake", offset)));
      await log.commit("clicks", "lake", 3);
      await log.commit("clicks", "drift", 4);
      await log.commit("views", "lake", 1);
      assert.equal(log.checkpoint("clicks", "lake"), 9);
    }
    await using again = await open();
    assert.deepEqual([["clicks", "lake"], ["clicks", "drift"], ["views", "lake"], ["views", "drift"]].map(([name, group]) => again.checkpoint(name!, group!)), [9, 4, 1, 0]);
  }));

  declare("refuses a checkpoint past the end of the log", () => inPlace(async ({ open }) => {
    await using log = await open();
    await log.append("clicks", recordsNamed("a", 3));
    await log.commit("clicks", "lake", 3);
    for (const offset of [4, -1, 1.5, Number.NaN]) await assert.rejects(log.commit("clicks", "lake", offset), { code: "REQUEST_INVALID" });
    await assert.rejects(log.commit("clicks", "", 1), { code: "REQUEST_INVALID" });
    assert.equal(log.checkpoint("clicks", "lake"), 3);
  }));
}

function declareClosing(declare: DeclareCase, inPlace: InPlace): void {
  declare("close finishes accepted appends; afterwards every call is refused with CLOSED", () => inPlace(async ({ open }) => {
    const log = await open();
    const reading = log.read("clicks", { from: { offset: 0 }, follow: true })[Symbol.asyncIterator]();
    const waiting = assert.rejects(async () => { while (!(await reading.next()).done); }, { code: "CLOSED" });
    const appended = Promise.all([1, 2, 3].map((count) => log.append("clicks", recordsNamed(`${count}-`, count))));
    await Promise.all([log.close(), log.close()]);
    assert.equal((await appended).at(-1)?.nextOffset, 6);
    await waiting;
    const closed = { code: "CLOSED" };
    await assert.rejects(log.append("clicks", [record("late")]), closed);
    await assert.rejects(readAll(log, "clicks"), closed);
    await assert.rejects(log.commit("clicks", "lake", 1), closed);
    await assert.rejects(log.retain("clicks", {}), closed);
    await assert.rejects(log.verify("clicks"), closed);
    assert.throws(() => log.logs(), closed);
    assert.throws(() => log.statistics("clicks"), closed);
    assert.throws(() => log.checkpoint("clicks", "lake"), closed);
    await using again = await open();
    assert.equal((await readAll(again, "clicks")).length, 6);
  }));
}
