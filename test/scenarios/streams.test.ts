/** Streams through the whole platform: derived events are read as soon as their sources are acknowledged, quotas, schema versions, replays, and what each says over HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, deriveStream, joinStreams, sessionStream, sum, z } from "strata";
import type { Application } from "strata";
import { createManualClock } from "strata/testing";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";

/** 67 of the 74 clicks are Ada's before her three purchases. */
const EVENTS = { purchases: 3, clicks: 74, big_purchases: 2, led_to_purchase: 201, visits: 2 };
const NOW_MS = Date.UTC(2026, 3, 1);

interface Edits {
  readonly price?: z.ZodType;
  readonly least?: number;
  readonly compatibility?: "NONE";
}

function shopWith({ price = z.number(), least = 100, compatibility }: Edits = {}): Application {
  const purchases = defineStream("purchases", {
    schema: z.object({ customer: z.string(), item: z.string(), price: price as z.ZodNumber, at: z.number().optional() }), time: "at", watermark: { delay: "1m", idleAfter: "2m" },
    ...(compatibility ? { compatibility } : {}),
  });
  const clicks = defineStream("clicks", { schema: z.object({ customer: z.string(), item: z.string() }), watermark: { delay: "10s", idleAfter: "1m" }, quota: { eventsPerMinute: 60, bytesPerMinute: 100_000 } });
  const customer = defineEntity("customer");
  const spending = defineFeatureView("spending", { entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }), features: (e) => ({ orders: count(), spent: sum(e.price) }) });
  const big = deriveStream("big_purchases", {
    from: purchases, enrich: [spending], schema: z.object({ customer: z.string(), price: z.number(), orders_before: z.number() }),
    where: (e) => e.price.atLeast(least), map: (e, f) => ({ customer: e.customer, price: e.price, orders_before: f.spending.orders }),
  });
  const bigSpending = defineFeatureView("big_spending", { entities: [customer], from: big, by: (e) => ({ customer: e.customer }), features: (e) => ({ big: count(), spent: sum(e.price), before: sum(e.orders_before) }) });
  const led = joinStreams("led_to_purchase", {
    left: purchases, right: clicks, within: { before: "30m" }, by: (p, c) => [p.customer, c.customer],
    schema: z.object({ customer: z.string(), clicked: z.string(), bought: z.string() }), map: (p, c) => ({ customer: p.customer, clicked: c.item, bought: p.item }),
  });
  const visits = sessionStream("visits", {
    from: clicks, gap: "5m", by: (e) => ({ customer: e.customer }), values: (_, s) => ({ clicks: s.count() }),
    schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number() }),
  });
  return defineApplication("shop", [bigSpending, led, visits]);
}

const jsonOf = async <T>(answer: ReturnType<typeof send>): Promise<T> => (await answer).json as T;

test("derived streams, quotas, schema versions and replays over HTTP, also after a restart", async () => {
  await using folder = await temporaryFolder();
  const clock = createManualClock(NOW_MS);
  {
    await using platform = await openTestPlatform(shopWith(), { dataDir: folder.path, clock });
    const { url } = platform;
    const buy = (customer: string, price: number) => send(url, { path: "/v1/streams/purchases/events", body: { customer, item: "hat", price, at: clock.now() } });
    const click = (headers: Record<string, string> = {}, events = 1) => send(url, { path: "/v1/streams/clicks/events", headers, body: Array.from({ length: events }, () => ({ customer: "ada", item: "hat" })) });

    assert.equal((await click()).status, 202);
    for (const price of [50, 150, 250]) assert.equal((await buy("ada", price)).status, 202);
    const features = await jsonOf<{ rows: unknown }>(send(url, { path: "/v1/features/big_spending", body: { keys: [{ customer: "ada" }] } }));
    assert.deepEqual(features.rows, [[2, 400, 3]], "a read sees what was derived from the caller's own events, enriched as of just before each");

    const refused = await send(url, { path: "/v1/streams/big_purchases/events", body: { customer: "eve", price: 1, orders_before: 0 } });
    assert.deepEqual([refused.status, (refused.json as { error: { code: string } }).error.code], [409, "STREAM_DERIVED"]);

    // the quota: 60 events a minute for each producer
    assert.equal((await click({ "strata-producer": "crawler" }, 60)).status, 202);
    const over = await click({ "strata-producer": "crawler" }, 6);
    assert.deepEqual([over.status, over.headers["retry-after"], (over.json as { error: { code: string } }).error.code], [429, "6", "QUOTA_EXCEEDED"]);
    assert.equal((await click({ "strata-producer": "phone" }, 6)).status, 202, "another producer is not held back");
    assert.equal((await click({ "strata-producer": "crawler" }, 61)).status, 413);
    clock.advance(6_000);
    assert.equal((await click({ "strata-producer": "crawler" }, 6)).status, 202);
    const bytes = await send(url, { path: "/v1/streams/clicks/events", headers: { "strata-producer": "large" }, body: { customer: "x".repeat(90_000), item: "y" } });
    assert.equal(bytes.status, 202);
    assert.equal((await send(url, { path: "/v1/streams/clicks/events", headers: { "strata-producer": "large" }, body: { customer: "x".repeat(20_000), item: "y" } })).status, 429);
    assert.equal(platform.ingestion.stream("clicks").name, "clicks");

    // silence closes the sessions, by the clock
    clock.advance(6 * 60_000);
    await until("the visits are told", async () => (await jsonOf<{ events: number }>(send(url, { path: "/v1/streams/visits" }))).events === 2 || undefined);
    const standing = await jsonOf<{ streams: { name: string; events: number; watermarkMs: number; consumers: { consumer: string; lagEvents: number }[]; derivation?: { operator: string; held: number } }[] }>(send(url, { path: "/v1/streams" }));
    const named = (name: string) => standing.streams.find((stream) => stream.name === name)!;
    assert.deepEqual(Object.fromEntries(standing.streams.map(({ name, events }) => [name, events])), EVENTS);
    assert.equal(named("clicks").watermarkMs, clock.now() - 10_000, "a silent stream's watermark follows the clock");
    assert.deepEqual(named("purchases").consumers.map(({ consumer }) => consumer).toSorted(), ["lake", "stream big_purchases", "stream led_to_purchase", "view spending"]);
    assert.equal(named("visits").derivation?.operator, "session");
    const metrics = (await send(url, { path: "/metrics" })).text;
    await until("watermarks are measured", async () => (await send(url, { path: "/metrics" })).text.includes("strata_stream_watermark_seconds{") || undefined);
    assert.match(metrics, /strata_ingest_failures_total\{reason="quota",stream="clicks"\} \d|strata_ingest_failures_total\{stream="clicks",reason="quota"\} \d/);

    // a replay makes every stored event again, byte by byte
    for (const [source, derived, events] of [["purchases", "big_purchases", 2], ["clicks", "led_to_purchase", 201], ["clicks", "visits", 2]] as const) {
      const { id } = await jsonOf<{ id: string }>(send(url, { path: `/v1/streams/${source}/replay`, body: { derived } }));
      const ended = await until("the replay ends", async () => {
        const operation = await jsonOf<{ state: string; result: { same: number; difference?: unknown }; done: number; total: number }>(send(url, { path: `/v1/operations/${id}` }));
        return operation.state === "running" ? undefined : operation;
      });
      assert.deepEqual([ended.state, ended.result.same, ended.result.difference, ended.done === ended.total], ["done", events, undefined, true], derived);
    }
    const rebuilt = await jsonOf<{ id: string }>(send(url, { path: "/v1/streams/purchases/replay", body: { view: "spending" } }));
    await until("the view is built", async () => (await jsonOf<{ state: string }>(send(url, { path: `/v1/operations/${rebuilt.id}` }))).state === "done" || undefined);
    assert.equal((await send(url, { path: "/v1/streams/purchases/replay", body: {} })).status, 400);
    assert.equal((await send(url, { path: `/v1/operations/${rebuilt.id}/cancel`, body: {} })).status, 409);
    assert.equal((await send(url, { path: "/v1/operations/none" })).status, 404);
  }
  await using platform = await openTestPlatform(shopWith(), { dataDir: folder.path, clock });
  const { streams } = await jsonOf<{ streams: { name: string; events: number }[] }>(send(platform.url, { path: "/v1/streams" }));
  assert.deepEqual(Object.fromEntries(streams.map(({ name, events }) => [name, events])), EVENTS);
});

test("a schema that breaks the stream's compatibility is refused with its rule and fix, at a reload and at a start; an allowed one becomes a version", async () => {
  await using folder = await temporaryFolder();
  {
    await using platform = await openTestPlatform(shopWith(), { dataDir: folder.path });
    const { url } = platform;
    await send(url, { path: "/v1/streams/purchases/events", body: { customer: "ada", item: "hat", price: 1 } });
    await assert.rejects(platform.apply(shopWith({ price: z.string() })), {
      code: "STREAM_SCHEMA_INCOMPATIBLE",
      message: "The schema of stream \"purchases\" cannot change this way (compatibility BACKWARD): streams.purchases.price: version 1 allows number and the new schema takes only string; take both types (z.union), or add a field of another name",
    });
    assert.equal((await send(url, { path: "/v1/streams/purchases/events", body: { customer: "ada", item: "hat", price: 2 } })).status, 202, "the running definition stays");
    await platform.apply(shopWith({ price: z.number().or(z.null()) }));
    const { versions } = await jsonOf<{ versions: { version: number; fromOffset: number; compatibility: string }[] }>(send(url, { path: "/v1/streams/purchases/schemas" }));
    assert.deepEqual(versions.map(({ version, fromOffset, compatibility }) => [version, fromOffset, compatibility]), [[1, 0, "BACKWARD"], [2, 2, "BACKWARD"]]);
    const judged = await jsonOf<{ compatible: boolean; findings: { path: string; rule: string }[] }>(send(url, {
      path: "/v1/streams/purchases/schemas/check", body: { schema: { type: "object", properties: { customer: { type: "string" }, shop: { type: "string" } }, required: ["customer", "shop"] } },
    }));
    assert.deepEqual([judged.compatible, judged.findings.map(({ path, rule }) => `${path} ${rule}`)], [false, ["shop FIELD_REQUIRED"]]);
  }
  await assert.rejects(openTestPlatform(shopWith({ price: z.string() }), { dataDir: folder.path }), { code: "STREAM_SCHEMA_INCOMPATIBLE" });
  await using platform = await openTestPlatform(shopWith({ price: z.string(), compatibility: "NONE" }), { dataDir: folder.path });
  const { versions } = await jsonOf<{ versions: unknown[] }>(send(platform.url, { path: "/v1/streams/purchases/schemas" }));
  assert.equal(versions.length, 3);
});

test("a changed derivation goes on under its new definition; what was stored stays", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(shopWith(), { dataDir: folder.path });
  const { url } = platform;
  const buy = (price: number) => send(url, { path: "/v1/streams/purchases/events", body: { customer: "ada", item: "hat", price } });
  const read = async () => (await jsonOf<{ rows: unknown[][] }>(send(url, { path: "/v1/features/big_spending", body: { keys: [{ customer: "ada" }] } }))).rows[0];
  await buy(50);
  await buy(150);
  assert.deepEqual(await read(), [1, 150, 1]);
  await platform.apply(shopWith({ least: 40 }));
  await buy(50);
  assert.deepEqual(await read(), [2, 200, 3], "the new event counts, the old one below the old bound does not; what came before it is known");
});
