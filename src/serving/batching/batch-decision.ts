/**
 * When does a batch leave, and with whom? Plain data in, a decision out. A batch leaves when an instance is free, so
 * an idle model adds no delay and a busy one fills its batches by itself; a delay and preferred sizes are there for
 * models that gain more from company than their callers lose by waiting. Sizes are counted in rows.
 */
import type { Batching } from "../../define/index.ts";
import type { BatchReason } from "../model-server.ts";

export interface WaitingRequest {
  readonly rows: number;
  /** Of its inputs: what joining it to others would copy. */
  readonly bytes: number;
  readonly enqueuedAtMs: number;
  /** Past it the request is dropped; +Infinity without one, -Infinity when it was given up. */
  readonly deadlineAtMs: number;
}

/** Requests that may run together, oldest first. */
export interface LaneView {
  /** 1 is the highest. */
  readonly priority: number;
  readonly length: number;
  at(index: number): WaitingRequest;
}

export interface BatchSnapshot {
  readonly nowMs: number;
  /** How long a run takes, as far as is known: a delay must not outlast a deadline. */
  readonly expectedRunMs: number;
  /** Waiting out a delay makes no sense any more: nobody will come. */
  readonly isDraining: boolean;
  /** None is empty. */
  readonly lanes: readonly LaneView[];
}

export interface BatchRules extends Pick<Batching, "maxRows" | "maxBytes" | "maxDelayMs" | "preferredRows"> {
  /** false: every request runs alone. */
  readonly isBatchable: boolean;
}

export type BatchDecision =
  /** The first `requests` of the lane leave the queue; those at `dropped` are past their deadline and do not run. */
  | { readonly kind: "leave"; readonly lane: number; readonly requests: number; readonly rows: number; readonly dropped: readonly number[]; readonly reason: BatchReason }
  | { readonly kind: "wait"; readonly lookAgainAtMs: number };

const NOBODY: readonly number[] = [];

/** What a free instance should do now. Lanes go by priority, then by who waits longest. */
export function decideBatch(snapshot: BatchSnapshot, rules: BatchRules): BatchDecision {
  let chosen: Judged | undefined;
  let chosenLane = -1;
  let lookAgainAtMs = Number.POSITIVE_INFINITY;
  for (let index = 0; index < snapshot.lanes.length; index++) {
    const lane = snapshot.lanes[index]!;
    if (chosen !== undefined && !goesBefore(lane, snapshot.lanes[chosenLane]!)) continue;
    const judged = judgeLane(lane, snapshot, rules);
    if (judged.reason === undefined) {
      lookAgainAtMs = Math.min(lookAgainAtMs, judged.leavesAtMs);
      continue;
    }
    chosen = judged;
    chosenLane = index;
  }
  if (chosen === undefined) return { kind: "wait", lookAgainAtMs };
  return { kind: "leave", lane: chosenLane, requests: chosen.requests, rows: chosen.rows, dropped: chosen.dropped, reason: chosen.reason! };
}

function goesBefore(a: LaneView, b: LaneView): boolean {
  return a.priority < b.priority || (a.priority === b.priority && a.at(0).enqueuedAtMs < b.at(0).enqueuedAtMs);
}

interface Judged {
  readonly requests: number;
  readonly rows: number;
  readonly dropped: readonly number[];
  /** Why it leaves now; undefined: not before `leavesAtMs`. */
  readonly reason: BatchReason | undefined;
  readonly leavesAtMs: number;
}

function judgeLane(lane: LaneView, { nowMs, expectedRunMs, isDraining }: BatchSnapshot, rules: BatchRules): Judged {
  const { maxRows, maxBytes, maxDelayMs, preferredRows, isBatchable } = rules;
  let rows = 0, bytes = 0, requests = 0, preferred = 0, preferredSize = 0;
  let isFull = false;
  let leavesAtMs = Number.POSITIVE_INFINITY;
  let dropped: number[] | undefined;
  for (; requests < lane.length; requests++) {
    const request = lane.at(requests);
    if (request.deadlineAtMs <= nowMs) {
      (dropped ??= []).push(requests);
      continue;
    }
    isFull = rows > 0 && (rows + request.rows > maxRows || bytes + request.bytes > maxBytes);
    if (isFull) break;
    rows += request.rows;
    bytes += request.bytes;
    leavesAtMs = Math.min(leavesAtMs, request.enqueuedAtMs + maxDelayMs, request.deadlineAtMs - expectedRunMs);
    isFull = rows >= maxRows || bytes >= maxBytes;
    if (preferredRows.includes(rows)) {
      preferred = requests + 1;
      preferredSize = rows;
    }
    if (isFull || !isBatchable) {
      requests++;
      break;
    }
  }
  const judged = { requests, rows, dropped: dropped ?? NOBODY, leavesAtMs };
  if (!isBatchable) return { ...judged, reason: "not batchable" };
  if (isFull) return { ...judged, reason: "batch was full" };
  if (maxDelayMs === 0 || isDraining || rows === 0) return { ...judged, reason: "instance was free" };
  if (leavesAtMs <= nowMs) return { ...judged, reason: "delay was over" };
  if (preferred > 0) return { ...judged, requests: preferred, rows: preferredSize, dropped: judged.dropped.filter((index) => index < preferred), reason: "preferred size was reached" };
  return { ...judged, reason: undefined };
}
