/** Ingestion and data quality on real engines in a temporary folder, for tests: a clock set by hand, restarts with and without warning. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIngestion } from "../../src/data/ingestion/ingestion.ts";
import type { Ingestion } from "../../src/data/ingestion/ingestion.ts";
import { createQualityMonitor } from "../../src/data/quality/quality-monitor.ts";
import type { QualityMonitor } from "../../src/data/quality/quality-monitor.ts";
import type { RuleVerdict } from "../../src/data/quality/verdict.ts";
import { createEventDecoder } from "../../src/data/streams/event-decoder.ts";
import type { Application } from "../../src/define/index.ts";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../src/engines/embedded/state-store.ts";
import { openSqliteDatabase } from "../../src/engines/sqlite/database.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import type { ManualClock } from "../../src/kernel/clock.ts";
import { createIdSource } from "../../src/kernel/ids.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { silentLogger, silentMeter } from "../../src/ports/telemetry.ts";

export const START_MS = Date.UTC(2026, 0, 10);

export interface QualityKit extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly ingestion: Ingestion;
  readonly quality: QualityMonitor;
  application: Application;
  send(stream: string, rows: readonly unknown[], options?: { readonly backfill?: boolean }): ReturnType<Ingestion["ingestText"]>;
  /** The rule's verdict when everything that was sent is judged. */
  verdict(expectations: string, rule: string): Promise<RuleVerdict>;
  /** Starts again from what the folder holds; `crash`: without a last checkpoint. */
  restart(how: "close" | "crash"): Promise<void>;
}

export async function openQualityKit(application: Application): Promise<QualityKit> {
  const folder = await mkdtemp(join(tmpdir(), "strata-quality-"));
  const clock = createManualClock(START_MS);
  const ids = createIdSource(clock, createRandom(1).next);
  let parts = await open();

  async function open() {
    const stack = new AsyncDisposableStack();
    const log = stack.use(await openEmbeddedEventLog({ folder: join(folder, "log"), clock }));
    const database = stack.use(await openSqliteDatabase({ file: join(folder, "strata.db") }));
    const states = await openEmbeddedStateStore({ folder: join(folder, "state") });
    const streams = () => kit.application.streams;
    const decoder = createEventDecoder({ streams });
    let crashed = false;
    const guarded = { ...states, save: async (...terms: Parameters<typeof states.save>) => { if (!crashed) await states.save(...terms); } };
    const quality = stack.use(createQualityMonitor({ application: () => kit.application, log, decoder, states: guarded, database, clock, meter: silentMeter, logger: silentLogger }));
    const ingestion = createIngestion({ log, streams, decoder, clock, ids, door: quality.door, meter: silentMeter, logger: silentLogger });
    stack.defer(() => ingestion.stop(1_000));
    return { ingestion, quality, stack, crash: () => { crashed = true; } };
  }

  const kit: QualityKit = {
    application, clock,
    get ingestion() { return parts.ingestion; },
    get quality() { return parts.quality; },
    send: (stream, rows, options = {}) => parts.ingestion.ingestText(stream, Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n")), { format: "ndjson", ...options }),
    verdict: async (expectations, rule) => {
      await parts.quality.settle();
      return parts.quality.state(expectations).verdicts.find((verdict) => verdict.rule === rule)!;
    },
    restart: async (how) => {
      if (how === "crash") parts.crash();
      await parts.stack.disposeAsync();
      parts = await open();
      await parts.quality.open();
      await parts.quality.start();
    },
    [Symbol.asyncDispose]: async () => {
      await parts.stack.disposeAsync();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await parts.quality.open();
  await parts.quality.start();
  return kit;
}
