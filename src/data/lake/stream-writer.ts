/**
 * Follows one stream's log into Parquet files, each event exactly once: the file is written first, under a name that
 * says its offsets, then one transaction records it with the next offset. A crash in between leaves a file that nobody
 * knows, and the same events are written again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { z } from "zod";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Counter, Histogram, Logger, Meter } from "../../ports/telemetry.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import { createEventBuffer } from "./event-buffer.ts";
import type { EventBuffer } from "./event-buffer.ts";
import { fileNameOf } from "./lake-file.ts";
import type { LakeFile } from "./lake-file.ts";
import type { Manifest, StreamManifest } from "./manifest.ts";
import { mergedFile, planMerges } from "./merge-plan.ts";
import type { MergeRule } from "./merge-plan.ts";

export interface StreamWriterOptions {
  readonly stream: string;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly analytics: Analytics;
  readonly manifest: Manifest;
  /** The stream's own folder; made when it is missing. */
  readonly folder: string;
  /** The running definition; undefined once the stream has left it. */
  readonly definition: () => Stream | undefined;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly rule: MergeRule;
}

export interface StreamWriter {
  /** Events below are in the lake. */
  readonly durableOffset: number;
  readonly bufferedRows: number;
  /** Live files, in offset order. */
  readonly files: readonly LakeFile[];
  /** Resolves when every event that is durable in the log now is in the lake; rejects when it cannot be written. */
  flush(signal?: AbortSignal): Promise<void>;
  /** Removes retired files that no snapshot names any more. */
  collect(): Promise<void>;
  /** Ends the writer after the file in hand; what is buffered is read from the log again at the next start. */
  close(): Promise<void>;
}

/** A full disk is looked at again this often. */
const RETRY_MS = 5_000;

/** Rows taken in before the event loop gets a turn while catching up: about 10 ms with their parsing. */
const ROWS_PER_TURN = 2_000;

/** Starts to follow the stream from what the manifest says. */
export async function openStreamWriter(options: StreamWriterOptions, stored: StreamManifest | undefined): Promise<StreamWriter> {
  await options.analytics.makeFolder(options.folder);
  await removeLeftovers(options);
  const writer = new FollowingWriter(options, stored ?? { files: [], nextOffset: 0, fields: [] });
  await writer.collect();
  return writer;
}

async function removeLeftovers({ analytics, manifest, folder, stream }: StreamWriterOptions): Promise<void> {
  const known = await manifest.fileNames(stream);
  for (const name of await analytics.list(folder)) {
    if (!known.has(name)) await analytics.remove(`${folder}/${name}`);
  }
}

interface Instruments {
  readonly rows: Counter;
  readonly bytes: Counter;
  readonly seconds: Histogram;
}

function instrumentsOf(meter: Meter): Instruments {
  return {
    rows: meter.counter("strata_lake_rows_total", "Events stored in the lake"),
    bytes: meter.counter("strata_lake_bytes_total", "Bytes of Parquet written for events"),
    seconds: meter.histogram("strata_lake_write_seconds", "Seconds to store one file of events"),
  };
}

class FollowingWriter implements StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #consumer: StreamConsumer;
  readonly #closing = new AbortController();
  #stored: StreamManifest;
  /** Oldest first; the last one takes the next batch, the others wait to be written. */
  #buffers: EventBuffer[] = [];
  #chain: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** Fires when a write succeeds, to wake who waits to try again. */
  #writable = new AbortController();
  #rowsInTurn = 0;
  #schema: z.ZodObject | undefined;
  readonly #instruments: Instruments;

  constructor(options: StreamWriterOptions, stored: StreamManifest) {
    this.#options = options;
    this.#stored = stored;
    this.#instruments = instrumentsOf(options.meter);
    const { log, decoder, stream } = options;
    this.#consumer = createStreamConsumer({ log, decoder, stream, fromOffset: this.#startOffset(), handle: (batch) => this.#take(batch), signal: this.#closing.signal });
  }

  get durableOffset(): number { return this.#stored.nextOffset; }
  get bufferedRows(): number { return this.#buffers.reduce((sum, { rows }) => sum + rows, 0); }

  get files(): readonly LakeFile[] { return this.#stored.files; }

  async flush(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new StrataError("ABORTED", { what: "Storing events in the lake" });
    const target = this.#options.log.statistics(this.#options.stream).nextOffset;
    if (this.#failure !== undefined) await this.#write(); // the consumer waits for this to succeed
    await this.#consumer.caughtUp(target, signal ? { signal } : {});
    if (this.durableOffset < target) await this.#write();
  }

  collect(): Promise<void> { return this.#inTurn(() => this.#collect()); }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#consumer.ended;
    await this.#chain;
  }

  /** Retention may have dropped events before the lake was asked to keep them; that is worth a loud line, not a stop. */
  #startOffset(): number {
    const { log, logger, stream } = this.#options;
    const { oldestOffset } = log.statistics(stream);
    const { nextOffset } = this.#stored;
    if (oldestOffset > nextOffset) logger.log("error", "The lake lost events: the log had dropped them before they were stored", { stream, fromOffset: nextOffset, toOffset: oldestOffset });
    return Math.max(oldestOffset, nextOffset);
  }

  async #take(batch: DecodedBatch): Promise<void> {
    const schema = this.#schema = this.#options.definition()?.schema ?? this.#schema;
    if (schema === undefined) throw new StrataError("STREAM_NOT_FOUND", { stream: batch.stream, known: "those of the running definition" });
    const last = this.#buffers.at(-1);
    const isFull = (last?.rows ?? 0) >= this.#options.rule.rowsPerFile;
    if (last === undefined || isFull || last.schema !== schema) this.#buffers.push(createEventBuffer(schema, batch.baseOffset));
    const buffer = this.#buffers.at(-1)!;
    buffer.append(batch);
    this.#rowsInTurn += batch.rows.length;
    if (this.#rowsInTurn >= ROWS_PER_TURN) {
      this.#rowsInTurn = 0;
      await nextTurn();
    }
    if (buffer.rows < this.#options.rule.rowsPerFile) return;
    const written = this.#writeAtLast();
    if (this.#buffers.length > 1) await written; // one full buffer is written while the next one fills
  }

  /** Tries until the events are stored; a lake that skipped some would be worse than one that waits. */
  async #writeAtLast(): Promise<void> {
    const { clock, logger, stream } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        return await this.#write();
      } catch (thrown) {
        if (this.#closing.signal.aborted) return;
        logger.log("error", "The lake could not store events and tries again", { stream, reason: reasonOf(thrown), retryMs: RETRY_MS });
        await clock.sleep(RETRY_MS, AbortSignal.any([this.#closing.signal, this.#writable.signal])).catch(() => undefined); // either way the loop looks again
      }
    }
  }

  #write(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#writeBuffers();
        this.#failure = undefined;
        this.#writable.abort();
        this.#writable = new AbortController();
      } catch (thrown) {
        this.#failure = thrown;
        throw thrown;
      }
      await this.#merge();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#chain.then(work);
    this.#chain = result.catch(() => undefined); // the caller gets the failure
    return result;
  }

  async #writeBuffers(): Promise<void> {
    const waiting = this.#buffers.filter(({ rows }) => rows > 0);
    for (const buffer of waiting) {
      const { table, file } = buffer.finish(this.#stored.fields);
      this.#buffers = this.#buffers.filter((other) => other !== buffer);
      try {
        await this.#writeFile(file, (path) => this.#options.analytics.writeTable(path, table, { signal: this.#closing.signal }));
      } catch (thrown) {
        this.#buffers.unshift(buffer); // for the next attempt
        throw thrown;
      }
    }
  }

  async #writeFile(file: Omit<LakeFile, "sizeBytes">, write: (path: string) => Promise<{ readonly sizeBytes: number }>): Promise<void> {
    const { clock, folder, manifest, stream } = this.#options;
    const startedMs = clock.monotonicMs();
    const { sizeBytes } = await write(`${folder}/${file.name}`);
    const stored = { ...file, sizeBytes };
    await manifest.addFile(stream, stored);
    const fields = [...this.#stored.fields, ...file.fields.filter((field) => !this.#stored.fields.includes(field))];
    this.#stored = { files: [...this.#stored.files, stored], nextOffset: file.toOffset, fields };
    this.#instruments.rows.add(file.rows, { stream });
    this.#instruments.bytes.add(sizeBytes, { stream });
    this.#instruments.seconds.record((clock.monotonicMs() - startedMs) / 1_000, { stream });
  }

  /** Merging saves opening files later; a failure costs nothing but that. */
  async #merge(): Promise<void> {
    const { logger, stream, rule } = this.#options;
    try {
      for (const run of planMerges(this.#stored.files, rule)) await this.#mergeRun(run);
      await this.#collect();
    } catch (thrown) {
      if (!this.#closing.signal.aborted) logger.log("warn", "Small files of the lake could not be merged", { stream, reason: reasonOf(thrown) });
    }
  }

  async #mergeRun(run: readonly LakeFile[]): Promise<void> {
    const { analytics, folder, manifest, stream } = this.#options;
    const name = fileNameOf(run[0]!.fromOffset, run.at(-1)!.toOffset);
    const parts = run.map((file) => `${folder}/${file.name}`);
    const { sizeBytes } = await analytics.writeQuery(`${folder}/${name}`, { sql: "SELECT * FROM parts", tables: { parts } }, { signal: this.#closing.signal });
    const merged = mergedFile(run, { name, sizeBytes });
    await manifest.replaceFiles(stream, run, merged);
    const files = this.#stored.files.flatMap((file) => (file === run[0] ? [merged] : run.includes(file) ? [] : [file]));
    this.#stored = { ...this.#stored, files };
  }

  async #collect(): Promise<void> {
    const { analytics, folder, manifest, stream } = this.#options;
    const names = await manifest.unreferenced(stream);
    for (const name of names) await analytics.remove(`${folder}/${name}`);
    if (names.length > 0) await manifest.forgetFiles(stream, names);
  }
}
