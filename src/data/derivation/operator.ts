/**
 * The heart of a derivation: a state machine that takes source events in one order and makes output events. It keeps
 * no clock and does no I/O; the same events in the same order make the same outputs, bit for bit.
 */
import type { Problem } from "../../kernel/errors.ts";
import type { Row } from "../streams/recent-rows.ts";

export interface SourceEvent {
  readonly stream: string;
  readonly offset: number;
  readonly timeMs: number;
  readonly knownAtMs: number;
  /** The output of the stream's schema. */
  readonly row: Row;
  /** The event as it was sent. */
  readonly payload: Uint8Array;
}

/** An event to be, named after the events it is made of. */
export interface Made {
  readonly id: string;
  readonly timeMs: number;
  readonly knownAtMs: number;
  readonly row: Row;
  /** The bytes to store when they are not the row as JSON. */
  readonly payload?: Uint8Array;
}

/** An event that could not take part, for the dead letters. */
export interface Refused {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly problems: readonly Problem[];
}

export type Output = Made | Refused;
export type Emit = (output: Output) => void;

export interface OperatorCounts {
  /** Events that came after their stream's watermark. */
  readonly late: number;
  /** Events without a usable key. */
  readonly keyless: number;
  /** Events or sessions held in memory. */
  readonly held: number;
}

export interface Operator {
  apply(event: SourceEvent, emit: Emit): void;
  /** The stream is silent: its watermark moves to `toMs`. */
  advance(stream: string, toMs: number, knownAtMs: number, emit: Emit): void;
  /** The watermark of the stream beyond which something is due; Infinity when nothing waits. */
  waitsFor(stream: string): number;
  /** The state as bytes, taken at once; the operator may go on while they are stored. */
  save(): Uint8Array;
  readonly counts: OperatorCounts;
}

export function isRefused(output: Output): output is Refused {
  return "problems" in output;
}

/** The name of a source event inside ids of what is made of it. */
export function sourceName({ stream, offset }: Pick<SourceEvent, "stream" | "offset">): string {
  return `${stream}/${offset}`;
}

/** The event came after its stream's watermark: what it belongs to was told already. */
export function lateProblem(timeMs: number, watermarkMs: number): Problem {
  return { path: "", message: `its time ${timeText(timeMs)} lies before the watermark ${timeText(watermarkMs)}: what it belongs to is already told; raise the source's watermark.delay if such events are usual`, code: "late" };
}

function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs); // what a Date can hold
}

/** JSON with infinities, which watermarks before the first event are. */
export function encodeState(state: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(state, (_, value: unknown) => (value === -Infinity ? "-Infinity" : value)));
}

export function decodeState(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString(), (_, value: unknown) => (value === "-Infinity" ? -Infinity : value));
}
