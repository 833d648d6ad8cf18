/** Rules over live streams: what is counted, what is kept out, what stops a stream, and that a restart changes nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { between, defineApplication, defineExpectations, defineStream, freshWithin, holds, matches, notNull, oneOf, refersTo, sameDistribution, unique } from "../../define/index.ts";
import type { Application, EventExpressions, RowOf, Rule } from "../../define/index.ts";
import { START_MS, openQualityKit } from "../../../test/quality/quality-kit.ts";
import { createRandom } from "../../kernel/random.ts";

const items = defineStream("items", { schema: z.object({ code: z.string() }) });
const orders = defineStream("orders", {
  schema: z.object({ line: z.string(), customer: z.string().nullish(), item: z.string().optional(), price: z.number(), quantity: z.number().default(1), at: z.iso.datetime({ offset: true }).optional() }),
  time: "at",
});
let lines = 0;
const order = (fields: object = {}): object => ({ line: `l${lines++}`, customer: "ada", price: 2, ...fields });
const times = (count: number, fields: object = {}): object[] => Array.from({ length: count }, () => order(fields));

function application(expect: (e: EventExpressions<RowOf<typeof orders>>) => Readonly<Record<string, Rule>>): Application {
  return defineApplication("shop", [items, defineExpectations("checks", { of: orders, window: "1h", expect })]);
}

test("shares are judged over the window that slides by arrival; the sentence says what, how much and how much may", async () => {
  await using kit = await openQualityKit(application((e) => ({ has_customer: notNull(e.customer).atLeast(0.9) })));
  assert.deepEqual([(await kit.verdict("checks", "has_customer")).status, (await kit.verdict("checks", "has_customer")).sentence], ["waiting", "0 events of the last hour: 100 are needed to judge."]);
  await kit.send("orders", [...times(95), ...times(5, { customer: null })]);
  assert.equal((await kit.verdict("checks", "has_customer")).sentence, "5 % of 100 events of the last hour (5) have no customer; at most 10 % may.");
  await kit.send("orders", times(20, { customer: null }));
  const failing = await kit.verdict("checks", "has_customer");
  assert.deepEqual([failing.status, failing.evaluated, failing.failed], ["failing", 120, 25]);
  assert.equal(failing.samples.length, 20);
  assert.deepEqual(failing.samples[0]!.values, { customer: null });
  kit.clock.advance(61 * 60_000);
  await kit.send("orders", times(200));
  const later = await kit.verdict("checks", "has_customer");
  assert.deepEqual([later.status, later.evaluated, later.failed], ["passing", 200, 0]);
  assert.equal(later.sentence, "None of 200 events of the last hour has no customer; at most 10 % may.");
  const past = await kit.quality.pastVerdicts("checks", { rule: "has_customer", limit: 10 });
  assert.deepEqual(past.map(({ status, failed }) => [status, failed]), [["passing", 0], ["failing", 25], ["passing", 5]]);
});

test("an event that a rule quarantines is a dead letter with the rule's name, counts as bad, and can be mended and replayed", async () => {
  await using kit = await openQualityKit(application((e) => ({
    positive: between(e.price, { min: 0.01 }).quarantine().because("free goods are not sold here"), whole: holds(e.quantity.atLeast(1)).quarantine(), known: oneOf(e.customer, ["ada", "bob"]),
  })));
  const result = await kit.send("orders", [order(), order({ price: 0, quantity: 0 }), order({ price: -1 }), order({ customer: "eve" })]);
  assert.deepEqual([result.accepted, result.rejected], [2, 2]);
  const { letters } = await kit.ingestion.listDeadLetters("orders");
  assert.deepEqual(letters.map(({ reason }) => reason), ["expectation checks.positive", "expectation checks.positive"]);
  assert.deepEqual(letters[0]!.problems.map(({ path, message }) => [path, message]), [["price", "has price below 0.01: free goods are not sold here"], ["", "does not satisfy quantity ≥ 1"]]);
  const positive = await kit.verdict("checks", "positive");
  assert.deepEqual([positive.status, positive.evaluated, positive.failed, positive.samples.map(({ deadLetterId }) => deadLetterId)], ["failing", 4, 2, ["0", "1"]]);
  assert.deepEqual([(await kit.verdict("checks", "known")).failed, (await kit.verdict("checks", "whole")).failed], [1, 1]);
  const { replayed, failed } = await kit.ingestion.replayDeadLetters("orders", { reason: "expectation checks.positive", fix: (event) => ({ ...event as object, price: 1 }) });
  assert.deepEqual([replayed, failed.map(({ problems }) => problems[0]!.code)], [1, ["expectation checks.whole"]]);
});

test("a stop rule closes the stream durably until it is resumed; what it holds then is accepted", async () => {
  await using kit = await openQualityKit(application((e) => ({ named: matches(e.line, /^[a-z]/).stop() })));
  await kit.send("orders", times(3));
  assert.equal((await kit.verdict("checks", "named")).status, "passing");
  await kit.send("orders", [order({ line: "9" })]);
  assert.equal((await kit.verdict("checks", "named")).sentence, "25 % of 4 events of the last hour (1) has line unlike /^[a-z]/; none may.");
  for (const how of ["close", "crash"] as const) {
    await assert.rejects(kit.send("orders", [order()]), { code: "STREAM_STOPPED", status: 503 });
    await kit.restart(how);
  }
  const { resumed } = await kit.quality.resume("orders", "a known test order");
  assert.equal(resumed?.rule, "named");
  await kit.restart("crash");
  assert.equal((await kit.send("orders", times(5))).accepted, 5);
  const { status, evaluated } = await kit.verdict("checks", "named");
  assert.deepEqual([status, evaluated], ["passing", 5]);
  await kit.send("orders", [order({ line: "8" })]);
  await kit.quality.settle();
  await assert.rejects(kit.send("orders", [order()]), { code: "STREAM_STOPPED" });
  await assert.rejects(kit.quality.resume("unheard", "x"), { code: "STREAM_NOT_FOUND" });
});

test("uniqueness within a span, references to another stream, and freshness", async () => {
  await using kit = await openQualityKit(application((e) => ({
    unique_line: unique(e.line, { within: "1d" }), known_item: refersTo(e.item, items, (item) => item.code), fresh: freshWithin("10m"),
  })));
  const at = (hours: number): string => new Date(START_MS + hours * 3_600_000).toISOString();
  await kit.send("items", [{ code: "mug" }, { code: "cup" }]);
  await kit.send("orders", [order({ line: "a", item: "mug", at: at(-30) }), order({ line: "a", item: "cup", at: at(-20) }), order({ line: "a", item: "pot", at: at(0) }), order({ line: "b", at: at(0) })]);
  const [repeated, unknown] = [await kit.verdict("checks", "unique_line"), await kit.verdict("checks", "known_item")];
  assert.deepEqual([repeated.evaluated, repeated.failed, repeated.samples.map(({ place }) => place)], [4, 2, [1, 2]]);
  assert.deepEqual([unknown.evaluated, unknown.failed, unknown.samples[0]!.values], [3, 1, { item: "pot" }]);
  assert.equal((await kit.verdict("checks", "fresh")).status, "passing");
  kit.clock.advance(3_600_000);
  const heard: string[] = [];
  kit.quality.subscribe(({ verdict }) => void heard.push(`${verdict.rule} ${verdict.status}`));
  await kit.quality.tick();
  assert.equal((await kit.verdict("checks", "fresh")).sentence, "The newest event is 1h old; at most 10m is allowed.");
  await kit.send("orders", [order()]);
  await kit.quality.settle();
  assert.deepEqual(heard.filter((change) => change.startsWith("fresh")), ["fresh failing", "fresh passing"]);
});

test("a restart anywhere leaves the same verdicts as none, each event counted once", async () => {
  const definition = application((e) => ({
    has_customer: notNull(e.customer).atLeast(0.5), unique_line: unique(e.line, { within: "1h" }).atLeast(0.5), positive: between(e.price, { min: 1 }).quarantine(),
    stable: sameDistribution(e.price, { reference: 200, window: 200, psi: 0.2 }),
  }));
  const random = createRandom("restarts");
  const batches = Array.from({ length: 24 }, () => Array.from({ length: 40 }, () => ({
    line: `x${random.integer(500)}`, customer: random.next() < 0.3 ? null : "ada", price: random.next() * 20 + (random.next() < 0.05 ? -20 : 0),
  })));
  const outcomes = [];
  for (const restarts of [false, true]) {
    await using kit = await openQualityKit(definition);
    for (const [at, batch] of batches.entries()) {
      await kit.send("orders", batch);
      kit.clock.advance(60_000);
      if (!restarts || at % 5 !== 4) continue;
      if (at % 2 === 0) await kit.quality.checkpoint();
      await kit.restart(at % 3 === 0 ? "close" : "crash");
    }
    await kit.quality.settle();
    outcomes.push(kit.quality.state("checks").verdicts);
  }
  assert.deepEqual(outcomes[1], outcomes[0]);
  assert.ok(outcomes[0]!.every(({ evaluated }) => evaluated > 2));
});

test("drift is told with its column and the offset, again in the next windows, and not for the same values in another order", async () => {
  const random = createRandom("drift");
  const first = Array.from({ length: 1_000 }, () => random.normal() + 10);
  const moved = Array.from({ length: 1_000 }, () => random.normal() + 12);
  const alarmsOf = async (prices: readonly number[]): Promise<readonly string[]> => {
    await using kit = await openQualityKit(application((e) => ({ stable: sameDistribution(e.price, { reference: 500, window: 250 }) })));
    const heard: string[] = [];
    kit.quality.subscribe(({ verdict }) => void heard.push(verdict.sentence));
    for (let at = 0; at < prices.length; at += 100) await kit.send("orders", prices.slice(at, at + 100).map((price) => order({ price })));
    await kit.quality.settle();
    return heard;
  };
  const [heard, ...more] = await alarmsOf([...first, ...moved]);
  assert.match(heard!, /^The 250 events up to offset 1,249, compared with the first 500: price: PSI is \d+\.\d+ \(large; threshold 0\.2\)/);
  assert.deepEqual(more, []);
  assert.deepEqual(await alarmsOf(random.shuffle([...first, ...moved])), []);
});

test("a changed rule starts anew, the others go on; expectations that left are no longer judged", async () => {
  await using kit = await openQualityKit(application((e) => ({ a: notNull(e.customer).atLeast(0.5).minimumEvents(1), b: between(e.price, { min: 0 }) })));
  await kit.send("orders", times(10));
  await kit.quality.settle();
  const next = application((e) => ({ a: notNull(e.customer).atLeast(0.5).minimumEvents(1), b: between(e.price, { min: 1 }) }));
  kit.application = next;
  await kit.quality.applyDefinition(next);
  await kit.send("orders", times(5));
  assert.deepEqual([(await kit.verdict("checks", "a")).evaluated, (await kit.verdict("checks", "b")).evaluated], [15, 5]);
  const none = defineApplication("shop", [items, orders]);
  kit.application = none;
  await kit.quality.applyDefinition(none);
  assert.deepEqual(kit.quality.states(), []);
  assert.throws(() => kit.quality.state("checks"), { code: "NOT_FOUND" });
});

test("a dry run says what would become of events, also to a stopped stream, and stores nothing", async () => {
  await using kit = await openQualityKit(application((e) => ({ positive: between(e.price, { min: 0.01 }).quarantine(), known: oneOf(e.customer, ["ada"]), named: matches(e.line, /^[a-z]/).stop() })));
  const body = Buffer.from([order(), order({ price: 0 }), order({ customer: "eve", line: "9" }), { line: 1 }].map((row) => JSON.stringify(row)).join("\n"));
  const expected = {
    dryRun: true, accepted: 2, rejected: 2, refused: [[1, "expectation checks.positive"], [3, "invalid_type"]], warned: [[2, ["expectation checks.known", "expectation checks.named"]]],
  };
  const dryRun = async (): Promise<void> => {
    const { rows, warnings, ...counts } = await kit.ingestion.tryText("orders", body, { format: "ndjson" });
    assert.deepEqual({ ...counts, refused: rows.map(({ index, problems }) => [index, problems[0]!.code]), warned: warnings.map(({ index, problems }) => [index, problems.map(({ code }) => code)]) }, expected);
  };
  await dryRun();
  await kit.send("orders", [order({ line: "9" })]);
  await kit.quality.settle();
  await assert.rejects(kit.send("orders", [order()]), { code: "STREAM_STOPPED" });
  await dryRun();
  assert.equal((await kit.verdict("checks", "named")).evaluated, 1);
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), {});
});
