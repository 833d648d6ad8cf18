/**
 * A group of workers over one embedded log, one embedded online store and one SQLite database, in one process: events by
 * random keys, workers that come, leave and are taken for dead while they go on; what is read must be, bit for bit, what
 * one state over all events gives.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { temporaryFolder } from "../../../test/conformance/temporary-folder.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedOnlineStore } from "../../engines/embedded/online-store.ts";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, distinct, last, sum } from "../../define/index.ts";
import { createManualClock, systemClock } from "../../kernel/clock.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentLogger } from "../../ports/telemetry.ts";
import { createViewState } from "../features/view-state.ts";
import { openLeaseBook } from "./lease-book.ts";
import { createPartitionReader } from "./partition-reader.ts";
import { planPartitions } from "./partition-plan.ts";
import { createPartitionWorker } from "./partition-worker.ts";
import type { PartitionWorker } from "./partition-worker.ts";
import { createPartitionedLog } from "./partitioned-log.ts";
import { runUnit } from "./unit-runner.ts";

const clicks = defineStream("clicks", {
  schema: z.object({ customer: z.string(), item: z.string(), price: z.number(), at: z.number() }), time: "at", key: "customer", partitions: 5,
});
const customer = defineEntity("customer"), item = defineEntity("item");
const activity = defineFeatureView("activity", {
  entities: [customer], from: clicks, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ clicks: count(), spend: sum(e.price), items: distinct(e.item).over("1h"), last_item: last(e.item) }),
});
const pairs = defineFeatureView("pairs", {
  entities: [item, customer], from: clicks, by: (e) => ({ customer: e.customer, item: e.item }), features: (e) => ({ clicks: count(), spend: sum(e.price).over("30m") }),
});
const popularity = defineFeatureView("popularity", {
  entities: [item], from: clicks, by: (e) => ({ item: e.item }), features: (e) => ({ clicks: count(), customers: distinct(e.customer), revenue: sum(e.price), last_customer: last(e.customer) }),
});
const application = defineApplication("shop", [clicks, activity, pairs, popularity]);

test("views under the stream's key are computed in place, others over a copy under their own key", () => {
  const units = planPartitions(application);
  assert.deepEqual(units.slice(0, 6).map(({ name, views, repartitioned }) => [name, views.map((view) => view.name), repartitioned.map((view) => view.name)]), [
    ...[0, 1, 2, 3, 4].map((partition) => [`clicks/${partition}`, ["activity", "pairs"], ["popularity"]]), ["clicks>popularity/0", ["popularity"], []],
  ]);
  assert.equal(units.length, 10);
});

test("whoever works when, features are those of one state over all events, each event counted once", async () => {
  await using folder = await temporaryFolder();
  await using log = await openEmbeddedEventLog({ folder: `${folder.path}/log`, clock: systemClock });
  await using store = await openEmbeddedOnlineStore({ folder: `${folder.path}/online` });
  await using database = await openDomainDatabase({ file: `${folder.path}/leases.db` });
  await using workers = new AsyncDisposableStack();
  const units = planPartitions(application);
  const leaseClock = createManualClock(1_000_000);
  const ttlMs = 120;
  const newWorker = async (worker: string, now: () => number): Promise<PartitionWorker> => {
    const leases = await openLeaseBook({ database, group: "shop", worker, url: "", ttlMs, now });
    const started = createPartitionWorker({
      units, leases, ttlMs, clock: systemClock, logger: silentLogger,
      run: (unit, epoch) => runUnit({ unit, epoch, log, store, clock: systemClock, logger: silentLogger, dedupeRecords: 1_000 }),
    });
    await started.start();
    return workers.use(started);
  };
  const now = (): number => leaseClock.now() + performance.now();
  const router = createPartitionedLog(log, () => application.streams);
  const random = createRandom(7);
  const rows: { customer: string; item: string; price: number; at: number }[] = [];
  const produce = async (events: number): Promise<void> => {
    for (let at = 0; at < events; at += 20) {
      const batch = Array.from({ length: 20 }, () => ({ customer: `c${random.integer(31)}`, item: `i${random.integer(10)}`, price: random.integer(1_000) / 7, at: 1_700_000_000_000 + 1_000 * rows.length }))
        .map((row, index) => ({ ...row, at: row.at + index * 1_000 }));
      rows.push(...batch);
      const records = batch.map((row) => ({ id: `e${row.at}`, timeMs: row.at, knownAtMs: row.at, payload: Buffer.from(JSON.stringify(row)) }));
      await router.append("clicks", records, batch);
      if (at % 100 === 0) await router.append("clicks", records, batch); // a producer that did not hear the answer
    }
  };

  const one = await newWorker("one", now);
  const producing = produce(1_600);
  await sleep(100);
  await newWorker("two", now);
  await sleep(150);
  await one.stop();
  await newWorker("three", now);
  await sleep(200);
  await newWorker("zombie", now); // takes its share, then its leases end while it goes on
  await sleep(150);
  leaseClock.advance(ttlMs * 3);
  await producing;

  const reader = createPartitionReader({ log, store, clock: systemClock });
  const atMs = rows.at(-1)!.at + 1;
  for (const view of [activity, pairs, popularity]) {
    const whole = createViewState(view);
    whole.apply({ stream: "clicks", baseOffset: 0, timesMs: Float64Array.from(rows, ({ at }) => at), knownAtMs: Float64Array.from(rows, ({ at }) => at), rows });
    const keys = view === activity ? Array.from({ length: 31 }, (_, key) => [`c${key}`])
      : view === popularity ? Array.from({ length: 10 }, (_, key) => [`i${key}`]) : Array.from({ length: 31 }, (_, key) => [`i${key % 10}`, `c${key}`]);
    assert.deepEqual(await reader.read(view, keys, { atMs }), keys.map((key) => whole.read(key, atMs)), view.name);
  }
});
