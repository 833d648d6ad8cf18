/**
 * One candidate index kept up to date with the logs of its streams, from its last checkpoint on. The index and the
 * offsets it has reached change together, so what is read in one turn of the event loop belongs together.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Candidates } from "../../define/index.ts";
import { hashCandidates } from "../../define/index.ts";
import { isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import { decodeCandidateState, encodeCandidateState } from "./candidate-codec.ts";
import { createCandidateIndex } from "./candidate-index.ts";
import type { CandidateIndex } from "./candidate-index.ts";
import { createInteractionReaders } from "./interaction-reader.ts";
import type { StreamReader } from "./interaction-reader.ts";

/** Events that the log has dropped, from the lake: some fields of a stream, in offset order. */
export type EventHistory = (stream: string, fields: ReadonlySet<string>) => Promise<EventColumns>;

export interface FollowerOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly logger: Logger;
  readonly history?: EventHistory | undefined;
  /** Called after every batch with the number of its events. */
  readonly onApplied: (stream: string, events: number) => void;
}

export interface CandidateFollower {
  readonly candidates: Candidates;
  /** Of the definition that the index was built by. */
  readonly hash: string;
  readonly index: CandidateIndex;
  /** Next offset to apply, per stream. */
  readonly offsets: Readonly<Record<string, number>>;
  /** Events applied since the last checkpoint. */
  readonly unsavedEvents: number;
  /** Resolves when everything that is durable now in these of its streams (default: all) is applied. */
  caughtUp(streams?: ReadonlySet<string>, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<void>;
  checkpoint(): Promise<void>;
  /** Ends following after the batch in hand. */
  stop(): Promise<void>;
}

/** What the names of all candidate checkpoints start with. */
export const STATE_PREFIX = "candidates-";

/** The checkpoint of a definition; another definition of the same name has another one. */
export function stateName(candidates: Candidates): string {
  return `${STATE_PREFIX}${candidates.name}-${hashCandidates(candidates).slice(0, 16)}`;
}

/** Rows applied before the event loop gets a turn: about 5 ms. */
const ROWS_PER_TURN = 512;

/** Loads the last checkpoint and follows the streams from there. */
export async function followCandidates(candidates: Candidates, options: FollowerOptions): Promise<CandidateFollower> {
  const { log, decoder, states, logger, onApplied } = options;
  const { index, offsets } = await recover(candidates, options);
  const stopping = new AbortController();
  let unsavedEvents = 0;
  let rowsInTurn = 0;

  const handle = async (reader: StreamReader, batch: DecodedBatch): Promise<void> => {
    const stream = batch.stream;
    const end = batch.baseOffset + batch.rows.length;
    for (let offset = batch.baseOffset; offset < end;) {
      const next = Math.min(end, offset + ROWS_PER_TURN - rowsInTurn);
      reader.readBatch(batch, offset - batch.baseOffset, next - batch.baseOffset, index.apply);
      offsets[stream] = next;
      unsavedEvents += next - offset;
      rowsInTurn += next - offset;
      offset = next;
      if (rowsInTurn < ROWS_PER_TURN) continue;
      rowsInTurn = 0;
      await nextTurn();
    }
    onApplied(stream, batch.rows.length);
  };

  const follow = async (stream: string, reader: StreamReader): Promise<StreamConsumer> => {
    await applyHistory({ stream, reader, index, offsets }, options);
    const consumer = createStreamConsumer({ log, decoder, stream, fromOffset: offsets[stream]!, handle: (batch) => handle(reader, batch), signal: stopping.signal });
    void consumer.ended.then(() => {
      if (consumer.state === "failed") logger.log("error", "Candidates stopped following a stream", { candidates: candidates.name, stream, reason: reasonOf(consumer.error) });
    });
    return consumer;
  };
  const consumers = new Map<string, StreamConsumer>();
  try {
    for (const [stream, reader] of createInteractionReaders(candidates)) consumers.set(stream, await follow(stream, reader));
  } catch (thrown) {
    stopping.abort();
    throw thrown;
  }

  return {
    candidates, index, offsets,
    hash: hashCandidates(candidates),
    get unsavedEvents() { return unsavedEvents; },
    caughtUp: async (streams, waiting = {}) => {
      const wanted = [...consumers].filter(([stream]) => streams?.has(stream) ?? true);
      await Promise.all(wanted.map(([stream, consumer]) => consumer.caughtUp(log.statistics(stream).nextOffset, waiting)));
    },
    checkpoint: async () => {
      if (unsavedEvents === 0) return;
      const saved = unsavedEvents;
      await states.save(stateName(candidates), { offsets: { ...offsets }, bytes: encodeCandidateState(index.state()) });
      unsavedEvents -= saved;
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([...consumers.values()].map((consumer) => consumer.ended));
    },
  };
}

interface Recovered {
  readonly index: CandidateIndex;
  readonly offsets: Record<string, number>;
}

/** From the checkpoint if it is whole and of this log, else empty: the log holds everything that state is made of. */
async function recover(candidates: Candidates, { states, log, logger }: FollowerOptions): Promise<Recovered> {
  const streams = [...new Set(candidates.interactions.map(({ from }) => from.name))];
  const empty = (): Recovered => ({ index: createCandidateIndex(candidates), offsets: Object.fromEntries(streams.map((stream) => [stream, 0])) });
  const name = stateName(candidates);
  try {
    const saved = await states.load(name);
    if (saved === undefined) return empty();
    const fits = streams.every((stream) => (saved.offsets[stream] ?? Infinity) <= log.statistics(stream).nextOffset);
    if (fits) return { index: createCandidateIndex(candidates, decodeCandidateState(saved.bytes, name)), offsets: { ...saved.offsets } };
    logger.log("warn", "Candidates are rebuilt: their checkpoint is ahead of the log", { candidates: candidates.name });
  } catch (thrown) {
    if (!isStrataError(thrown) || thrown.code !== "STATE_CORRUPT") throw thrown;
    logger.log("warn", "Candidates are rebuilt: their checkpoint is damaged", { candidates: candidates.name, reason: thrown.message });
  }
  return empty();
}

interface HistoryTarget extends Recovered {
  readonly stream: string;
  readonly reader: StreamReader;
}

/** Applies what the log no longer holds. */
async function applyHistory({ stream, reader, index, offsets }: HistoryTarget, { log, history, logger }: FollowerOptions): Promise<void> {
  const { oldestOffset } = log.statistics(stream);
  if (oldestOffset <= offsets[stream]!) return;
  if (history) {
    const events = await history(stream, reader.fields);
    const visit = reader.overColumns(events);
    for (let row = 0; row < events.rows; row++) {
      if (events.offsets[row]! < offsets[stream]!) continue;
      visit(row, index.apply);
      offsets[stream] = events.offsets[row]! + 1;
      if (row % ROWS_PER_TURN === 0) await nextTurn();
    }
  }
  if (offsets[stream]! >= oldestOffset) return;
  logger.log("error", "Candidates miss events that the log has dropped", { stream, fromOffset: offsets[stream], toOffset: oldestOffset });
  offsets[stream] = oldestOffset;
}
