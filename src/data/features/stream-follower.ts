/**
 * Follows one stream's log and applies its events to every view of the stream that is in service. Each view skips
 * what it has applied before, so views may stand at different offsets.
 */
import type { Clock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Histogram } from "../../ports/telemetry.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import { createEventRate } from "./event-rate.ts";
import type { ViewState } from "./view-state.ts";

export interface StreamSource {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly clock: Clock;
}

export interface StreamFollower {
  readonly stream: string;
  /** The views in service; may be changed between batches. */
  readonly states: Set<ViewState>;
  /** Everything below it was applied to every state. */
  readonly nextOffset: number;
  readonly consumer: StreamConsumer;
  eventsPerSecond(): number;
}

export interface FollowerOptions extends StreamSource {
  readonly stream: string;
  readonly fromOffset: number;
  readonly latenessMs: () => number;
  /** Seconds from an event's time until it was applied; history that was in the log before is not recorded. */
  readonly freshness: Histogram;
  /** Called after each batch with its number of events. */
  readonly onApplied: (events: number) => void;
  readonly signal: AbortSignal;
}

export function createStreamFollower(options: FollowerOptions): StreamFollower {
  const { stream, log, decoder, clock, signal, fromOffset } = options;
  const states = new Set<ViewState>();
  const rate = createEventRate(clock);
  const recordFreshness = createFreshnessRecorder(options);
  let nextOffset = fromOffset;

  const handle = (batch: DecodedBatch): void => {
    for (const state of states) {
      try {
        applyBatch(state, batch, { nowMs: clock.now(), latenessMs: options.latenessMs() });
      } catch (thrown) {
        if (!isStrataError(thrown) || thrown.code !== "SPILL_DAMAGED") throw thrown;
        states.delete(state); // its seat gets a state that is loaded again
      }
    }
    nextOffset = batch.baseOffset + batch.rows.length;
    rate.add(batch.rows.length);
    recordFreshness(batch);
    options.onApplied(batch.rows.length);
  };

  return {
    stream, states,
    get nextOffset() { return nextOffset; },
    consumer: createStreamConsumer({ log, decoder, stream, fromOffset, handle, signal }),
    eventsPerSecond: rate.perSecond,
  };
}

/** Applies a batch and visits as many entities to evict as it has events: memory stays within a constant of what is needed. */
export function applyBatch(state: ViewState, batch: DecodedBatch, time: { readonly nowMs: number; readonly latenessMs: number }): void {
  state.apply(batch);
  state.evict({ ...time, visits: batch.rows.length });
}

function createFreshnessRecorder({ stream, log, clock, freshness }: FollowerOptions): (batch: DecodedBatch) => void {
  const labels = { stream };
  const liveFrom = log.statistics(stream).nextOffset;
  return ({ baseOffset, timesMs }) => {
    const nowMs = clock.now();
    for (let index = Math.max(0, liveFrom - baseOffset); index < timesMs.length; index++) {
      freshness.record(Math.max(0, nowMs - timesMs[index]!) / 1_000, labels);
    }
  };
}
