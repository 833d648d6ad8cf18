/**
 * The last few thousand requests and how each was run, for `strata explain`. A ring of plain records: remembering one
 * costs a fraction of a microsecond, and the sentence is only written when somebody asks.
 */
import type { BatchNote, ExplainedRequest } from "../model-server.ts";

export interface RememberedRequest {
  readonly id: string | undefined;
  readonly model: string;
  readonly version: string;
  readonly variant: string | undefined;
  readonly atMs: number;
  /** The error's code and sentence when it failed. */
  readonly code: string | undefined;
  readonly reason?: string;
  readonly note: BatchNote;
}

export interface RequestHistory {
  remember(request: RememberedRequest): void;
  /** Newest first. */
  find(query: { readonly id?: string; readonly model?: string; readonly limit?: number }): readonly ExplainedRequest[];
}

/** About 1 MB: enough to ask about a request of the last seconds under load, and of the last hours without. */
const CAPACITY = 4_096;
const DEFAULT_LIMIT = 20;

export function createRequestHistory(capacity = CAPACITY): RequestHistory {
  const ring: (RememberedRequest | undefined)[] = Array.from({ length: capacity });
  let next = 0;
  return {
    remember: (request) => {
      ring[next] = request;
      next = next + 1 === capacity ? 0 : next + 1;
    },
    find: ({ id, model, limit = DEFAULT_LIMIT }) => {
      const found: ExplainedRequest[] = [];
      for (let back = 1; back <= capacity && found.length < limit; back++) {
        const request = ring[(next - back + capacity) % capacity];
        if (request === undefined) break;
        if ((id === undefined || request.id === id) && (model === undefined || request.model === model)) found.push(explained(request));
      }
      return found;
    },
  };
}

function explained(request: RememberedRequest): ExplainedRequest {
  const { code, reason: _, ...rest } = request; // the sentence has it
  return { ...rest, outcome: code === undefined ? "answered" : "failed", ...(code === undefined ? {} : { code }), sentence: sentenceOf(request) };
}

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;

const WHY: Readonly<Record<BatchNote["reason"], string>> = {
  "instance was free": "left at once because an instance was free",
  "batch was full": "left because the batch was full",
  "delay was over": "left because the longest wait was over",
  "preferred size was reached": "left because a preferred size was reached",
  "not batchable": "ran alone because the model does not batch",
  "answered from cache": "was answered from the cache",
  "retried alone": "ran alone after the batch it was in had failed",
  "retried in a smaller batch": "ran in a smaller batch after the one it was in had failed",
};

/** One sentence that answers "why did it take so long?". */
export function sentenceOf({ code, reason, note }: Pick<RememberedRequest, "code" | "reason" | "note">): string {
  if (code !== undefined) return `It failed with ${code} after ${milliseconds(note.queuedMs)}${reason === undefined ? "." : `: ${reason}`}`;
  if (note.reason === "answered from cache") return "It was answered from the cache.";
  const company = note.requests === 1 ? `alone (${count(note.rows, "row")})` : `with ${count(note.requests - 1, "other request")} (${count(note.rows, "row")})`;
  const behind = note.waiting === 0 ? "" : `, while ${count(note.waiting, "more request")} waited`;
  return `It waited ${milliseconds(note.queuedMs)}, ${WHY[note.reason]}, and ran ${milliseconds(note.runMs)} ${company}${behind}.`;
}
