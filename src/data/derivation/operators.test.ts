/** The operators against the plainest computation that can be written down, on random events in random order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { defineStream, joinStreams, sessionStream } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import { createOperator } from "./derivation-checkpoint.ts";
import { isRefused, type Made, type Operator, type Output, type SourceEvent } from "./operator.ts";
import "../../../test/law-seed.ts";

const DELAY_MS = 1_000;
const source = (name: string) => defineStream(name, { schema: z.object({ key: z.string().optional(), value: z.number() }), watermark: { delay: "1s" } });
const clicks = source("clicks"), buys = source("buys");
const visits: Stream = sessionStream("visits", {
  from: clicks, gap: "300ms", by: (e) => ({ key: e.key }),
  values: (e, s) => ({ n: s.count(), total: s.sum(e.value), mean: s.mean(e.value), least: s.min(e.value), most: s.max(e.value), kinds: s.distinct(e.value) }),
  schema: z.object({ key: z.string(), started_at: z.string(), ended_at: z.string(), n: z.number(), total: z.number(), mean: z.number(), least: z.number(), most: z.number(), kinds: z.number() }),
});
const pairsOf = (kind: "inner" | "left"): Stream => joinStreams("pairs", {
  left: clicks, right: buys, kind, by: (a, b) => [a.key, b.key], within: { before: "100ms", after: "400ms" },
  schema: z.object({ click: z.number(), buy: z.number().optional() }), map: (a, b) => ({ click: a.value, buy: b.value }),
});

interface Draw { readonly stream: "clicks" | "buys"; readonly key: string | undefined; readonly timeMs: number; readonly value: number }

const draw: fc.Arbitrary<Draw> = fc.record({
  stream: fc.constantFrom("clicks", "buys"), key: fc.constantFrom("a", "b", undefined), timeMs: fc.integer({ min: 0, max: 5_000 }), value: fc.constantFrom(0.1, 0.2, 0.3, 1e9, -7),
});
/** Nearly in order, so that few are late; or in any order. */
const draws = fc.tuple(fc.array(draw, { maxLength: 60 }), fc.boolean()).map(([list, isSorted]) => (isSorted ? list.toSorted((a, b) => a.timeMs - b.timeMs) : list));

function eventsOf(list: readonly Draw[]): readonly SourceEvent[] {
  const next: Record<string, number> = { clicks: 0, buys: 0 };
  return list.map(({ stream, key, timeMs, value }) => ({
    stream, offset: next[stream]!++, timeMs, knownAtMs: 10_000, row: { ...(key === undefined ? {} : { key }), value }, payload: Buffer.from(String(value)),
  }));
}

/** What is not older than the latest event of its stream before it, minus the delay. */
function onTime(events: readonly SourceEvent[]): readonly SourceEvent[] {
  const latest: Record<string, number> = {};
  return events.filter(({ stream, timeMs }) => {
    const isLate = timeMs < (latest[stream] ?? -Infinity) - DELAY_MS;
    if (!isLate) latest[stream] = Math.max(latest[stream] ?? -Infinity, timeMs);
    return !isLate;
  });
}

function run(stream: Stream, events: readonly SourceEvent[], restartEvery = Infinity): { readonly outputs: readonly Output[]; readonly operator: Operator } {
  const outputs: Output[] = [];
  let operator = createOperator(stream);
  events.forEach((event, at) => {
    operator.apply(event, (output) => void outputs.push(output));
    if (at % restartEvery === restartEvery - 1) operator = createOperator(stream, operator.save());
  });
  for (const name of ["clicks", "buys"]) operator.advance(name, 1e9, 10_000, (output) => void outputs.push(output));
  return { outputs, operator };
}

const made = (outputs: readonly Output[]): readonly Made[] => outputs.filter((output): output is Made => !isRefused(output));
const sorted = (values: readonly unknown[]): readonly string[] => values.map((value) => JSON.stringify(value)).toSorted();

/** Sessions by sorting each key's events and cutting where the gap is too long. */
function plainSessions(events: readonly SourceEvent[]): readonly unknown[] {
  const byKey = Map.groupBy(events.filter(({ stream, row }) => stream === "clicks" && row["key"] !== undefined), ({ row }) => row["key"]);
  return [...byKey].flatMap(([key, list]) => {
    const cuts: SourceEvent[][] = [];
    for (const event of list.toSorted((a, b) => a.timeMs - b.timeMs)) {
      const current = cuts.at(-1);
      if (current !== undefined && event.timeMs - current.at(-1)!.timeMs <= 300) current.push(event);
      else cuts.push([event]);
    }
    return cuts.map((session) => {
      const values = session.map(({ row }) => row["value"] as number);
      const total = values.reduce((sum, value) => sum + Math.round(value * 10), 0) / 10;
      return {
        key, started_at: new Date(session[0]!.timeMs).toISOString(), ended_at: new Date(session.at(-1)!.timeMs).toISOString(),
        n: values.length, total: total.toFixed(6), mean: (total / values.length).toFixed(6), least: Math.min(...values), most: Math.max(...values), kinds: new Set(values).size,
      };
    });
  });
}

test("sessions are those of the sorted events, whatever the order of arrival within the delay", () => {
  fc.assert(fc.property(draws, (list) => {
    const events = eventsOf(list).filter(({ stream }) => stream === "clicks");
    const { outputs, operator } = run(visits, events);
    const found = made(outputs).map(({ row }) => ({ ...row, total: (row["total"] as number).toFixed(6), mean: (row["mean"] as number).toFixed(6) }));
    assert.deepEqual(sorted(found), sorted(plainSessions(onTime(events))));
    assert.equal(operator.counts.late, events.length - onTime(events).length);
    assert.equal(outputs.length - made(outputs).length, operator.counts.late, "each late event is a dead letter");
    assert.equal(operator.counts.held, 0);
  }));
});

test("the order of arrival changes no bit of a session", () => {
  const values = fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 })), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(values, fc.infiniteStream(fc.nat()), (list, dice) => {
    const inOrder = list.map(([timeMs, value]): Draw => ({ stream: "clicks", key: "a", timeMs, value }));
    const shuffled = inOrder.map((one) => ({ one, at: dice.next().value! })).toSorted((a, b) => a.at - b.at).map(({ one }) => one);
    assert.deepEqual(sorted(made(run(visits, eventsOf(shuffled)).outputs).map(({ row }) => row)), sorted(made(run(visits, eventsOf(inOrder)).outputs).map(({ row }) => row)));
  }));
});

function plainPairs(events: readonly SourceEvent[], kind: "inner" | "left"): readonly unknown[] {
  const side = (name: string) => events.filter(({ stream, row }) => stream === name && row["key"] !== undefined);
  return side("clicks").flatMap((a) => {
    const matches = side("buys").filter((b) => b.row["key"] === a.row["key"] && b.timeMs >= a.timeMs - 100 && b.timeMs <= a.timeMs + 400);
    if (matches.length === 0) return kind === "left" ? [{ id: `of:clicks/${a.offset}+`, click: a.row["value"] }] : [];
    return matches.map((b) => ({ id: `of:clicks/${a.offset}+buys/${b.offset}`, click: a.row["value"], buy: b.row["value"] }));
  });
}

for (const kind of ["inner", "left"] as const) {
  test(`the ${kind} window join equals the join of all events that are not late`, () => {
    fc.assert(fc.property(draws, (list) => {
      const events = eventsOf(list);
      const { outputs, operator } = run(pairsOf(kind), events);
      assert.deepEqual(sorted(made(outputs).map(({ id, row }) => ({ id, ...row }))), sorted(plainPairs(onTime(events), kind)));
      assert.equal(operator.counts.held, 0, "nothing is held when both watermarks have passed");
    }));
  });
}

test("a stream joined with itself pairs different events only", () => {
  const again = joinStreams("again", { left: clicks, right: clicks, by: (a, b) => [a.key, b.key], within: { after: "400ms" }, schema: z.object({ first: z.number(), second: z.number() }), map: (a, b) => ({ first: a.value, second: b.value }) });
  const events = eventsOf([{ stream: "clicks", key: "a", timeMs: 200, value: 2 }, { stream: "clicks", key: "a", timeMs: 0, value: 1 }, { stream: "clicks", key: "a", timeMs: 700, value: 3 }]);
  assert.deepEqual(made(run(again, events).outputs).map(({ row }) => row), [{ first: 1, second: 2 }]);
});

test("an operator that is saved and loaded after every event makes the same outputs in the same order", () => {
  fc.assert(fc.property(draws, fc.integer({ min: 1, max: 5 }), fc.constantFrom(visits, pairsOf("inner"), pairsOf("left")), (list, every, stream) => {
    const events = eventsOf(list).filter((event) => stream !== visits || event.stream === "clicks");
    assert.deepEqual(run(stream, events, every).outputs, run(stream, events).outputs);
  }));
});
