/**
 * Follows streams of language models: time to the first text, gaps between frames, tokens, frames lost by their own
 * numbers, and how each stream ended. A stream that stops without saying that it is complete has failed, however
 * cleanly its connection was closed.
 */
import { createEventFrames } from "./event-frames.ts";
import type { StreamReader } from "./http-slot.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";
import type { LatencyHistogram } from "./latency-histogram.ts";
import type { StreamRecord } from "./load-outcome.ts";
import { readStreamFrame } from "./stream-frame.ts";

export interface StreamTally {
  /** For one connection: reads one stream after the other. */
  reader(): StreamReader;
  /** Frames from now on are late for the throughput. */
  stop(): void;
  record(): StreamRecord;
}

export function createStreamTally(sequence?: string): StreamTally {
  const totals: Totals = {
    firstToken: createLatencyHistogram(), gap: createLatencyHistogram(), numbers: sequence === undefined ? undefined : new RegExp(sequence, "g"),
    frames: 0, texts: 0, tokens: 0, lostFrames: 0, numberedFrames: 0, underWay: 0, mostAtOnce: 0,
  };
  let textsInTime: number | undefined;
  return {
    reader: () => createReader(totals),
    stop: () => { textsInTime ??= totals.texts; },
    record: () => {
      const { firstToken, gap, frames, tokens, texts, lostFrames, numberedFrames, mostAtOnce } = totals;
      return { firstToken: firstToken.counts(), gap: gap.counts(), frames, tokens, texts, textsInTime: textsInTime ?? texts, lostFrames, numberedFrames, mostAtOnce };
    },
  };
}

/** Of all streams of this process. */
interface Totals {
  readonly firstToken: LatencyHistogram;
  readonly gap: LatencyHistogram;
  readonly numbers: RegExp | undefined;
  frames: number;
  texts: number;
  tokens: number;
  lostFrames: number;
  numberedFrames: number;
  underWay: number;
  mostAtOnce: number;
}

/** Of the stream under way. */
interface Progress {
  readonly cameMs: number;
  texts: number;
  lastTextMs?: number;
  /** Tokens as the server counted them. */
  counted?: number;
  lastNumber?: number;
  isComplete: boolean;
  error?: string;
}

function createReader(totals: Totals): StreamReader {
  let nowMs = 0;
  let stream: Progress = { cameMs: 0, texts: 0, isComplete: false };
  const onEvent = (data: string, type: string): void => {
    const frame = readStreamFrame(data, type);
    totals.frames += 1;
    stream.isComplete ||= frame.isEnd;
    if (frame.error !== undefined) stream.error ??= frame.error;
    if (frame.tokens !== undefined) stream.counted = frame.tokens;
    if (frame.text === "") return;
    stream.texts += 1;
    totals.texts += 1;
    if (stream.lastTextMs === undefined) totals.firstToken.record(nowMs - stream.cameMs);
    else totals.gap.record(nowMs - stream.lastTextMs);
    stream.lastTextMs = nowMs;
    if (totals.numbers !== undefined) follow(frame.text, totals.numbers, { totals, stream });
  };
  let events = createEventFrames(onEvent);
  const leave = (): void => {
    totals.underWay -= 1;
    totals.tokens += stream.counted ?? stream.texts;
  };
  return {
    begin: (cameMs) => {
      stream = { cameMs, texts: 0, isComplete: false };
      events = createEventFrames(onEvent);
      totals.underWay += 1;
      totals.mostAtOnce = Math.max(totals.mostAtOnce, totals.underWay);
    },
    push: (piece, atMs) => {
      nowMs = atMs;
      events.push(piece);
    },
    end: () => {
      leave();
      if (stream.error !== undefined) return { failure: "error event", detail: Buffer.from(stream.error) };
      return stream.isComplete ? undefined : { failure: "stream was cut", detail: Buffer.from(`the stream ended after ${stream.texts} frames with text and without a mark of its end`) };
    },
    abandon: leave,
  };
}

/** A number that is missing between two is a lost frame. */
function follow(text: string, numbers: RegExp, { totals, stream }: { readonly totals: Totals; readonly stream: Progress }): void {
  for (const match of text.matchAll(numbers)) {
    const number = Number(match[1] ?? match[0]);
    if (!Number.isInteger(number)) continue;
    totals.numberedFrames += 1;
    if (stream.lastNumber !== undefined && number > stream.lastNumber + 1) totals.lostFrames += number - stream.lastNumber - 1;
    stream.lastNumber = number;
  }
}
