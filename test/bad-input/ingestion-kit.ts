/**
 * Ingestion on the embedded log on a disk in memory, for tests: a clock that stands still, writes that fail on
 * command, appends that wait on command, restarts with and without warning.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { createIngestion } from "../../src/data/ingestion/ingestion.ts";
import type { Ingestion, IngestionOptions } from "../../src/data/ingestion/ingestion.ts";
import { createEventDecoder } from "../../src/data/streams/event-decoder.ts";
import type { EventDecoder } from "../../src/data/streams/event-decoder.ts";
import { defineStream } from "../../src/define/index.ts";
import type { Stream } from "../../src/define/index.ts";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import type { ManualClock } from "../../src/kernel/clock.ts";
import { createIdSource } from "../../src/kernel/ids.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { EventLog, LogRecord, NewRecord } from "../../src/ports/event-log.ts";
import { silentLogger, silentMeter } from "../../src/ports/telemetry.ts";
import type { HttpResponse } from "../../src/protocols/http.ts";
import { createFaultyFiles } from "../conformance/faulty-files.ts";
import type { FaultyFiles } from "../conformance/faulty-files.ts";
import { createMemoryFiles } from "../conformance/memory-files.ts";
import type { MemoryFiles } from "../conformance/memory-files.ts";

export const NOW_MS = Date.UTC(2026, 0, 10);

export const orders: Stream = defineStream("orders", {
  schema: z.object({
    id: z.string().optional(), customer: z.string("missing customer").min(1, "missing customer"),
    quantity: z.number().positive(), at: z.iso.datetime({ offset: true }).optional(), country: z.string().default("unknown"),
  }),
  time: "at", id: "id", lateness: "7d",
});

/** Neither id nor time in the row. */
export const notes: Stream = defineStream("notes", { schema: z.object({ text: z.string() }) });

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
  fail(error: unknown): void;
}

export interface IngestionKit extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly files: FaultyFiles;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly ingestion: Ingestion;
  readonly streams: Map<string, Stream>;
  /** Runs before each append reaches the log; what it throws the append rejects with. */
  beforeAppend: (log: string, records: readonly NewRecord[]) => Promise<void> | void;
  /** A promise to be settled by hand; at the latest it opens when the kit is disposed of, so that a failed test ends. */
  gate(): Gate;
  records(log: string): Promise<readonly LogRecord[]>;
  /** The payloads' text. */
  texts(log: string): Promise<readonly string[]>;
  /** Stops without warning and starts again from what the disk holds. */
  crash(): Promise<void>;
}

export async function openIngestionKit(options: Partial<IngestionOptions> = {}): Promise<IngestionKit> {
  const clock = createManualClock(NOW_MS);
  const streams = new Map([["orders", orders], ["notes", notes]]);
  const random = createRandom(1);
  const ids = createIdSource(clock, random.next);
  const gates: (() => void)[] = [];
  let disk: MemoryFiles = createMemoryFiles();
  let faulty: FaultyFiles;
  let log: EventLog;
  let decoder: EventDecoder;
  let ingestion: Ingestion;

  const open = async (): Promise<void> => {
    faulty = createFaultyFiles(disk);
    log = await openEmbeddedEventLog({ folder: "/data", clock, files: faulty, newSeed: () => random.integer(2 ** 32) });
    decoder = createEventDecoder({ streams: () => streams });
    const hooked: EventLog = {
      ...log,
      append: async (name, records) => {
        const hook = kit.beforeAppend(name, records);
        if (hook !== undefined) await hook;
        return log.append(name, records);
      },
    };
    ingestion = createIngestion({ log: hooked, streams: () => streams, decoder, clock, ids, meter: silentMeter, logger: silentLogger, ...options });
  };

  const kit: IngestionKit = {
    clock, streams,
    get files() { return faulty; },
    get log() { return log; },
    get decoder() { return decoder; },
    get ingestion() { return ingestion; },
    beforeAppend: () => undefined,
    gate: () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      gates.push(resolve);
      return { opened: promise, open: resolve, fail: reject };
    },
    records: async (name) => {
      const records: LogRecord[] = [];
      for await (const batch of log.read(name, { from: { offset: 0 } })) records.push(...batch.records);
      return records;
    },
    texts: async (name) => (await kit.records(name)).map(({ payload }) => Buffer.from(payload).toString()),
    crash: async () => {
      disk = disk.kill();
      await log.close();
      await open();
    },
    [Symbol.asyncDispose]: async () => {
      for (const open of gates) open();
      await ingestion.stop(1_000);
      await log.close();
    },
  };
  await open();
  return kit;
}

/** One order as a line of JSON. */
export function order(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ customer: "ada", quantity: 1, ...fields });
}

export function lines(...rows: readonly string[]): Buffer {
  return Buffer.from(`${rows.join("\n")}\n`);
}


/** The body of an answer that was not streamed. */
export function textOf(response: HttpResponse | undefined): string {
  const body = response?.body;
  return typeof body === "string" ? body : assert.fail("the answer has no text");
}
