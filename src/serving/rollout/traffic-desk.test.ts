import assert from "node:assert/strict";
import { test } from "node:test";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { silentLogger } from "../../ports/telemetry.ts";
import { createTrafficBook } from "./traffic-book.ts";
import { createTrafficDesk } from "./traffic-desk.ts";
import { createTrafficStore } from "./traffic-store.ts";
import type { TrafficRecord } from "./traffic-store.ts";

const hasCode = (code: ErrorCode, text = "") => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && thrown.message.includes(text);
const NOTE = { reason: "because", actor: "ann" };

async function openDesks(count: number) {
  const database = await openDomainDatabase({ file: ":memory:" });
  const clock = createManualClock(1_000);
  const versions = new Set(["1", "2", "3"]);
  const aliases = new Map([["tried", "2"]]);
  const records: TrafficRecord[] = [];
  const desks = Array.from({ length: count }, () => {
    const book = createTrafficBook({ draw: () => 0.5 });
    const desk = createTrafficDesk({
      store: createTrafficStore(database), clock, logger: silentLogger, apply: book.put, counts: book.counts, tallies: book.tallies, onMove: (record) => records.push(record),
      warm: (model, name) => (versions.has(aliases.get(name) ?? name) ? Promise.resolve(aliases.get(name) ?? name) : Promise.reject(new StrataError("MODEL_VERSION_NOT_FOUND", { model, version: name }))),
      defaultVersion: (model) => (model === "fraud" ? Promise.resolve("3") : Promise.reject(new StrataError("MODEL_NOT_FOUND", { model, known: "fraud" }))),
    });
    return { book, desk };
  });
  for (const { desk } of desks) await desk.open();
  return { desks, first: desks[0]!, clock, versions, aliases, records, [Symbol.asyncDispose]: () => database.close() };
}

test("a move is durable with its reason, reaches the book, and is refused when a version cannot answer", async () => {
  await using opened = await openDesks(1);
  const { desk, book } = opened.first;
  assert.deepEqual(await desk.view("fraud"), { model: "fraud", state: null, counts: null, verdict: "", moves: [] });
  await assert.rejects(desk.view("none"), hasCode("MODEL_NOT_FOUND"));
  await assert.rejects(desk.move("fraud", { kind: "switch", version: "9" }, NOTE), hasCode("MODEL_VERSION_NOT_FOUND"));
  assert.equal(book.state("fraud"), undefined);
  const view = await desk.move("fraud", { kind: "switch", version: "2" }, NOTE);
  assert.deepEqual([view.state?.stable, view.state?.standby, book.state("fraud")?.stable], ["2", "3", "2"]);
  assert.deepEqual(view.moves, [{ model: "fraud", revision: 1, timeMs: 1_000, kind: "switch", ...NOTE }]);
  assert.equal(opened.records.length, 1);
});

test("an alias in a move stands for the version it names then: moving the alias moves no traffic", async () => {
  await using opened = await openDesks(1);
  const { desk, book } = opened.first;
  const switched = await desk.move("fraud", { kind: "switch", version: "tried" }, NOTE);
  assert.deepEqual([switched.state?.stable, switched.moves[0]?.reason], ["2", 'because ("tried" was version 2)']);
  opened.aliases.set("tried", "1");
  await desk.tick();
  assert.equal(book.state("fraud")?.stable, "2");
  const revision = book.state("fraud")?.revision;
  const split = await desk.move("fraud", { kind: "split", arms: [{ variant: "b", version: "tried", share: 0.1 }, { variant: "c", version: "3", share: 0.1 }] }, NOTE);
  assert.deepEqual([split.state?.arms.map(({ version }) => version), split.moves[0]?.reason, split.state?.revision], [["1", "3"], 'because ("tried" was version 1)', revision! + 1]);
  await desk.move("fraud", { kind: "rollback" }, NOTE);
  opened.aliases.set("tried", "2");
  await assert.rejects(desk.move("fraud", { kind: "canary", version: "tried" }, NOTE), hasCode("REQUEST_INVALID", "already answers everybody"));
  const shadowed = await desk.move("fraud", { kind: "shadow", shadow: { version: "tried" } }, NOTE);
  assert.deepEqual([shadowed.state?.shadow?.version, book.state("fraud")?.shadow?.version], ["2", "2"]);
});

test("a version to go back to that left the definition is forgotten, and going back needs nothing loaded", async () => {
  await using opened = await openDesks(1);
  const { desk } = opened.first;
  await desk.move("fraud", { kind: "switch", version: "2" }, NOTE);
  opened.versions.delete("3");
  assert.equal((await desk.move("fraud", { kind: "canary", version: "1" }, NOTE)).state?.standby, null);
  opened.versions.clear();
  assert.deepEqual((await desk.move("fraud", { kind: "rollback" }, NOTE)).state?.arms, []);
});

test("desks on one store agree: moves are taken over, and one who has not looked is refused", async () => {
  await using opened = await openDesks(2);
  const [here, there] = [opened.desks[0]!, opened.desks[1]!];
  await here.desk.move("fraud", { kind: "switch", version: "2" }, NOTE);
  await assert.rejects(there.desk.move("fraud", { kind: "switch", version: "1" }, NOTE), hasCode("REQUEST_INVALID", "somebody else"));
  await there.desk.tick();
  assert.equal(there.book.state("fraud")?.stable, "2");
  await there.desk.move("fraud", { kind: "switch", version: "1" }, NOTE);
  await here.desk.tick();
  assert.equal(here.book.state("fraud")?.stable, "1");
});

test("moves that come at once happen one after another", async () => {
  await using opened = await openDesks(1);
  const { desk } = opened.first;
  const outcomes = await Promise.allSettled([desk.move("fraud", { kind: "canary", version: "1" }, NOTE), desk.move("fraud", { kind: "canary", version: "2" }, NOTE), desk.move("fraud", { kind: "rollback" }, NOTE)]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.equal((await desk.view("fraud")).state?.revision, 2);
});

test("the judge promotes after the last step and says so", async () => {
  await using opened = await openDesks(1);
  const { desk, book } = opened.first;
  await desk.move("fraud", { kind: "canary", version: "1", plan: { steps: [0.5, 1], stepMs: 1_000, minimumRequests: 10 } }, NOTE);
  const answer = (count: number): void => {
    for (let request = 0; request < count; request++) for (const variant of ["stable", "canary"]) book.observe({ model: "fraud", variant, result: "answered", elapsedMs: 1 });
  };
  for (let step = 0; step < 2; step++) {
    answer(9);
    opened.clock.advance(1_000);
    await desk.tick();
    assert.equal((await desk.view("fraud")).state?.canary?.step, step, "one answer too few");
    answer(1);
    await desk.tick();
  }
  const { state, moves } = await desk.view("fraud");
  assert.deepEqual([state?.stable, state?.standby, moves.map(({ kind, actor }) => `${kind} by ${actor}`)], ["1", "3", ["promote by canary", "advance by canary", "canary by ann"]]);
});

test("what to report is refused before anything was copied", async () => {
  await using opened = await openDesks(1);
  assert.throws(() => opened.first.desk.shadowReport("fraud"), hasCode("REQUEST_INVALID", "No copies"));
});
