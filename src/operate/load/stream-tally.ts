/**
 * Follows streams of language models: time to the first text, gaps between frames, tokens, frames lost by their own
 * numbers, and how each stream ended. A stream that stops without saying that it is complete has failed, however
 * cleanly its connection was closed.
 */
import { createEventFrames } from "./event-frames.ts";
import type { StreamReader } from "./http-slot.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";
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
  const firstToken = createLatencyHistogram();
  const gap = createLatencyHistogram();
  const numbers = sequence === undefined ? undefined : new RegExp(sequence, "g");
  let frames = 0, allTexts = 0, textsInTime: number | undefined, tokens = 0, lostFrames = 0, numberedFrames = 0, underWay = 0, mostAtOnce = 0;

  const reader = (): StreamReader => {
    let cameMs = 0, lastTextMs: number | undefined, texts = 0, counted: number | undefined;
    let isComplete = false, error: string | undefined, lastNumber: number | undefined;
    let nowMs = 0;
    const onEvent = (data: string, type: string): void => {
      const frame = readStreamFrame(data, type);
      frames += 1;
      isComplete ||= frame.isEnd;
      error ??= frame.error;
      counted = frame.tokens ?? counted;
      if (frame.text === "") return;
      texts += 1;
      allTexts += 1;
      if (lastTextMs === undefined) firstToken.record(nowMs - cameMs);
      else gap.record(nowMs - lastTextMs);
      lastTextMs = nowMs;
      if (numbers !== undefined) follow(frame.text);
    };
    const follow = (text: string): void => {
      for (const match of text.matchAll(numbers!)) {
        const number = Number(match[1] ?? match[0]);
        if (!Number.isInteger(number)) continue;
        numberedFrames += 1;
        if (lastNumber !== undefined && number > lastNumber + 1) lostFrames += number - lastNumber - 1;
        lastNumber = number;
      }
    };
    let events = createEventFrames(onEvent);
    const leave = (): void => {
      underWay -= 1;
      tokens += counted ?? texts;
    };
    return {
      begin: (since) => {
        cameMs = since;
        lastTextMs = counted = error = lastNumber = undefined;
        texts = 0;
        isComplete = false;
        events = createEventFrames(onEvent);
        underWay += 1;
        mostAtOnce = Math.max(mostAtOnce, underWay);
      },
      push: (piece, atMs) => {
        nowMs = atMs;
        events.push(piece);
      },
      end: () => {
        leave();
        if (error !== undefined) return { failure: "error event", detail: Buffer.from(error) };
        return isComplete ? undefined : { failure: "stream was cut", detail: Buffer.from(`the stream ended after ${texts} frames with text and without a mark of its end`) };
      },
      abandon: leave,
    };
  };
  return {
    reader,
    stop: () => { textsInTime ??= allTexts; },
    record: () => ({ firstToken: firstToken.counts(), gap: gap.counts(), frames, tokens, texts: allTexts, textsInTime: textsInTime ?? allTexts, lostFrames, numberedFrames, mostAtOnce }),
  };
}
