/**
 * Follows one stream's log into Parquet files, each event exactly once: the file is written first, under a name that
 * says its offsets, then one transaction records it with the next offset. A crash in between leaves a file that nobody
 * knows, and the same events are written again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { z } from "zod";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import { createEventBuffer } from "./event-buffer.ts";
import type { EventBuffer } from "./event-buffer.ts";
import type { LakeFile } from "./lake-file.ts";
import type { Removed } from "./lake-storage.ts";
import type { StreamManifest } from "./manifest.ts";
import { createStreamStore } from "./stream-store.ts";
import type { Compaction, StreamStore, StreamStoreOptions, TierMoves } from "./stream-store.ts";
import { createTurns } from "./turns.ts";

export interface StreamWriterOptions extends Omit<StreamStoreOptions, "signal"> {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  /** The running definition; undefined once the stream has left it. */
  readonly definition: () => Stream | undefined;
}

export interface StreamWriter {
  /** Events below are in the lake. */
  readonly durableOffset: number;
  readonly bufferedRows: number;
  /** Live files, in offset order. */
  readonly files: readonly LakeFile[];
  /** Resolves when every event that is durable in the log now is in the lake; rejects when it cannot be written. */
  flush(signal?: AbortSignal): Promise<void>;
  /** Removes what nothing needs any more. */
  collect(): Promise<Removed>;
  compact(onProgress?: (share: number) => void, signal?: AbortSignal): Promise<Compaction>;
  /** Moves files to the tiers that the definition says. */
  applyPolicy(signal?: AbortSignal): Promise<TierMoves>;
  /** Ends the writer after the file in hand; what is buffered is read from the log again at the next start. */
  close(): Promise<void>;
}

/** A full disk is looked at again this often. */
const RETRY_MS = 5_000;

/** Rows taken in before the event loop gets a turn while catching up: about 10 ms with their parsing. */
const ROWS_PER_TURN = 2_000;

/** Starts to follow the stream from what the manifest says. */
export async function openStreamWriter(options: StreamWriterOptions, stored: StreamManifest | undefined): Promise<StreamWriter> {
  await options.storage.prepare(options.stream);
  const writer = new FollowingWriter(options, stored ?? { files: [], nextOffset: 0, fields: [] });
  await writer.collect();
  return writer;
}

class FollowingWriter implements StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #consumer: StreamConsumer;
  readonly #closing = new AbortController();
  readonly #store: StreamStore;
  readonly #turns = createTurns();
  /** Oldest first; the last one takes the next batch, the others wait to be written. */
  #buffers: EventBuffer[] = [];
  #failure: unknown;
  /** Fires when a write succeeds, to wake who waits to try again. */
  #writable = new AbortController();
  #rowsInTurn = 0;
  #schema: z.ZodObject | undefined;

  constructor(options: StreamWriterOptions, stored: StreamManifest) {
    this.#options = options;
    this.#store = createStreamStore({ ...options, signal: this.#closing.signal }, stored);
    const { log, decoder, stream } = options;
    this.#consumer = createStreamConsumer({ log, decoder, stream, fromOffset: this.#startOffset(), handle: (batch) => this.#take(batch), signal: this.#closing.signal });
  }

  get durableOffset(): number { return this.#store.nextOffset; }
  get bufferedRows(): number { return this.#buffers.reduce((sum, { rows }) => sum + rows, 0); }
  get files(): readonly LakeFile[] { return this.#store.files; }

  async flush(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new StrataError("ABORTED", { what: "Storing events in the lake" });
    const target = this.#options.log.statistics(this.#options.stream).nextOffset;
    if (this.#failure !== undefined) await this.#write(); // the consumer waits for this to succeed
    await this.#consumer.caughtUp(target, signal ? { signal } : {});
    if (this.durableOffset < target) await this.#write();
  }

  collect(): Promise<Removed> { return this.#turns.run(() => this.#store.collect()); }

  compact(onProgress?: (share: number) => void, signal?: AbortSignal): Promise<Compaction> {
    return this.#turns.run(() => this.#store.compact(onProgress, signal));
  }

  applyPolicy(signal?: AbortSignal): Promise<TierMoves> {
    return this.#turns.run(() => this.#store.applyPolicy(this.#options.definition()?.storage ?? {}, signal));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#consumer.ended;
    await this.#turns.idle();
  }

  /** Retention may have dropped events before the lake was asked to keep them; that is worth a loud line, not a stop. */
  #startOffset(): number {
    const { log, logger, stream } = this.#options;
    const { oldestOffset } = log.statistics(stream);
    const { nextOffset } = this.#store;
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
    return this.#turns.run(async () => {
      try {
        await this.#writeBuffers();
        this.#failure = undefined;
        this.#writable.abort();
        this.#writable = new AbortController();
      } catch (thrown) {
        this.#failure = thrown;
        throw thrown;
      }
      await this.#store.mergeSmall();
    });
  }

  async #writeBuffers(): Promise<void> {
    const waiting = this.#buffers.filter(({ rows }) => rows > 0);
    for (const buffer of waiting) {
      const { table, file } = buffer.finish(this.#store.fields);
      this.#buffers = this.#buffers.filter((other) => other !== buffer);
      try {
        await this.#store.add(file, (path) => this.#options.analytics.writeTable(path, table, { signal: this.#closing.signal }));
      } catch (thrown) {
        this.#buffers.unshift(buffer); // for the next attempt
        throw thrown;
      }
    }
  }
}
