import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createLogStore } from "./log-store.ts";

test("the ring keeps the newest lines in order", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }), (lines, capacity) => {
    const log = createLogStore({ clock: createManualClock(), capacity });
    for (let i = 1; i <= lines; i++) log.log("info", `line ${i}`);
    const expected = Array.from({ length: Math.min(lines, capacity) }, (_, i) => Math.max(0, lines - capacity) + i + 1);
    assert.deepEqual(log.lines().map(({ sequence }) => sequence), expected);
    assert.equal(log.counts().lines, lines);
  }));
});

test("lines are selected by level, text, position and number", () => {
  const log = createLogStore({ clock: createManualClock(1000), level: "debug" });
  log.log("debug", "starting");
  log.log("warn", "slow request", { route: "/v1/Recommend" });
  log.log("error", "failed");
  const messages = (query: Parameters<typeof log.lines>[0]): string[] => log.lines(query).map(({ message }) => message);
  assert.deepEqual(messages({ level: "warn" }), ["slow request", "failed"]);
  assert.deepEqual(messages({ contains: "recommend" }), ["slow request"]);
  assert.deepEqual(messages({ after: 2 }), ["failed"]);
  assert.deepEqual(messages({ limit: 2 }), ["slow request", "failed"]);
  assert.deepEqual(messages({ limit: 0 }), []);
});

test("lines below the level are dropped", () => {
  const log = createLogStore({ clock: createManualClock(), level: "warn" });
  log.log("info", "unseen");
  assert.deepEqual(log.lines(), []);
});

test("a JSON line is one line, and fields cannot replace time, level or message", () => {
  const written: string[] = [];
  const log = createLogStore({ clock: createManualClock(1000), sink: (text) => void written.push(text) });
  log.with({ role: "gateway" }).log("info", "forged\n{\"level\":\"error\"}", { message: "other", count: 3 });
  assert.deepEqual(written, [String.raw`{"time":"1970-01-01T00:00:01.000Z","level":"info","message":"forged\n{\"level\":\"error\"}","role":"gateway","count":3}`]);
});

test("pretty lines are one line each, without control characters", () => {
  const written: string[] = [];
  const log = createLogStore({ clock: createManualClock(61_001), format: "pretty", sink: (text) => void written.push(text) });
  log.log("warn", "a\nb\u001B[31m", { text: "two words", list: [1, "x"], "k\ny": "v" });
  assert.deepEqual(written, ["00:01:01.001 warn  a\\nb\\u001b[31m  text=\"two words\" list=[1,\"x\"] k\\ny=v"]);
  fc.assert(fc.property(fc.string({ unit: "binary-ascii" }).map((text) => `${text}\u2028\u0085`), (text) => {
    log.log("info", text, { text });
    assert.doesNotMatch(written.at(-1)!, /[\p{Cc}\u2028\u2029]/u);
  }));
});

test("fields become bounded plain JSON, whatever they are", () => {
  const log = createLogStore({ clock: createManualClock() });
  const circular: Record<string, unknown> = { big: 1n, when: new Date(0), bytes: new Uint8Array(5), run: () => 1, nan: Number.NaN };
  circular["self"] = circular;
  circular["broken"] = { get secret(): string { throw new Error("no"); } };
  log.log("error", "x".repeat(10_000), { circular, error: new StrataError("CLOSED", { what: "It" }, { cause: new Error("disk") }) });
  const [line] = log.lines();
  assert.ok(line!.message.length < 4100);
  const { circular: plain, error } = line!.fields as Record<string, Record<string, unknown>>;
  assert.deepEqual({ ...plain, self: undefined }, { big: "1", when: "1970-01-01T00:00:00.000Z", bytes: "(5 bytes)", run: "(function)", nan: "NaN", self: undefined, broken: "(not readable)" });
  assert.deepEqual(error, { name: "StrataError", message: "It is closed.", code: "CLOSED", cause: { name: "Error", message: "disk" } });
  const wide = (depth: number): unknown => (depth === 0 ? "x".repeat(3000) : Array.from({ length: 64 }, () => wide(depth - 1)));
  log.log("info", "wide", { wide: wide(2) });
  assert.ok(JSON.stringify(log.lines().at(-1)).length < 40_000);
});

test("later changes of a logged object do not change the line", () => {
  const log = createLogStore({ clock: createManualClock() });
  const fields = { list: [1] };
  log.log("info", "message", fields);
  fields.list.push(2);
  assert.deepEqual(log.lines()[0]!.fields, { list: [1] });
});

test("a sink or listener that throws is counted and disturbs nobody", () => {
  const log = createLogStore({ clock: createManualClock(), sink: () => { throw new Error("pipe closed"); } });
  const seen: number[] = [];
  log.subscribe(() => { throw new Error("listener"); });
  const stop = log.subscribe((line) => void seen.push(line.sequence));
  log.log("info", "one");
  stop();
  log.log("info", "two");
  assert.deepEqual(seen, [1]);
  assert.deepEqual(log.counts(), { lines: 2, failures: 4 });
});
