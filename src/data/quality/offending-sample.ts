/**
 * A uniform sample of offending events in bounded memory. Each event draws a number seeded by the rule and its place;
 * the smallest stay. So the same events give the same sample, in any order and after a restart. Events that are too
 * old make room: then it is uniform over those that came since there was room.
 */
import { hash32 } from "../../kernel/random.ts";
import type { Row } from "./event-test.ts";

export interface OffendingEvent {
  /** Offset in the stream's log, or the line of a file. */
  readonly place: number;
  /** Event time, ms since the epoch; null when it has none. */
  readonly timeMs: number | null;
  /** The fields that the rule reads. */
  readonly values: Row;
  /** The event as JSON, at most its first 1,000 characters. */
  readonly event: string;
  /** Set when the event was kept out of the stream. */
  readonly deadLetterId?: string;
}

export interface OffendingSample {
  /** `atMs` is the time by which it grows old. */
  add(place: number, atMs: number, describe: () => Omit<OffendingEvent, "place">): void;
  /** Lets go of events older than this. */
  expire(beforeMs: number): void;
  /** In the order of their places. */
  events(): readonly OffendingEvent[];
  clear(): void;
  state(): readonly SampledEvent[];
}

export interface SampledEvent extends OffendingEvent {
  readonly draw: number;
  readonly atMs: number;
}

const MAX_EVENT_CHARACTERS = 1_000;

export function createOffendingSample(rule: string, size: number, saved: readonly SampledEvent[] = []): OffendingSample {
  const seed = hash32(rule);
  let kept: SampledEvent[] = [...saved];
  return {
    add: (place, atMs, describe) => {
      const draw = drawOf(seed, place);
      if (kept.length >= size && draw >= kept.at(-1)!.draw) return;
      const at = kept.findIndex((other) => draw < other.draw);
      kept.splice(at === -1 ? kept.length : at, 0, { draw, atMs, place, ...describe() });
      kept.length = Math.min(kept.length, size);
    },
    expire: (beforeMs) => {
      if (kept.some(({ atMs }) => atMs < beforeMs)) kept = kept.filter(({ atMs }) => atMs >= beforeMs);
    },
    events: () => kept.map(({ draw: _draw, atMs: _atMs, ...event }) => event).toSorted((a, b) => a.place - b.place),
    clear: () => { kept = []; },
    state: () => kept,
  };
}

/** Uniform in [0, 2³²): splitmix32 of the rule's seed at this place. A generator per event would cost ten times as much. */
function drawOf(seed: number, place: number): number {
  let x = (seed + Math.imul(place, 0x9e3779b9) + Math.imul(Math.floor(place / 2 ** 32), 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** What a sample keeps of an event. */
export function describeOffender(row: Row, timeMs: number, fields: readonly string[]): Omit<OffendingEvent, "place"> {
  return {
    timeMs: Number.isFinite(timeMs) ? timeMs : null,
    values: Object.fromEntries(fields.map((field) => [field, row[field] ?? null])),
    event: JSON.stringify(row).slice(0, MAX_EVENT_CHARACTERS),
  };
}
