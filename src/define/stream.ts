/**
 * A stream of events with a schema. Every other resource is derived from streams.
 */
import type { z } from "zod";
import type { Duration } from "../kernel/duration.ts";
import { durationMs } from "../kernel/duration.ts";

/**
 * How a stream's schema may change (Confluent Schema Registry's words). BACKWARD: the new schema reads the events of the
 * latest one; FORWARD: the latest schema reads events of the new one; FULL: both; …_TRANSITIVE: against every version.
 */
export const COMPATIBILITY_MODES = ["BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE"] as const;
export type CompatibilityMode = (typeof COMPATIBILITY_MODES)[number];

/** What is true of every stream, declared or derived. */
export interface StreamPolicies {
  /** Default "BACKWARD": events that were stored can be read for ever. */
  readonly compatibility?: CompatibilityMode;
  /**
   * How sure one is that nothing earlier comes: the watermark is the latest event time minus `delay` (default: the
   * lateness), or the clock minus `delay` once nothing came for `idleAfter` (default "5m").
   */
  readonly watermark?: { readonly delay?: Duration; readonly idleAfter?: Duration };
  /** Old segments of the log are dropped by age or size; the lake keeps them. Default: keep everything. */
  readonly retention?: { readonly maxAge?: Duration; readonly maxBytes?: number };
  /**
   * Where the lake keeps old events, by their event time: after `warmAfter` in the blob store, fetched when they are
   * read; after `coldAfter` there too, in larger and smaller files. Default: all of them in the lake's folder.
   */
  readonly storage?: { readonly warmAfter?: Duration; readonly coldAfter?: Duration };
  /** Closed segments of the log whose newest event arrived longer ago than this move to the blob store and are read back when needed. Default: never. */
  readonly tierAfter?: Duration;
}

export interface StreamOptions<Schema extends z.ZodObject> extends StreamPolicies {
  readonly description?: string;
  /** Team or person who answers for it. */
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly schema: Schema;
  /** Field that holds the event time (ISO 8601 text with offset, or ms since the epoch). Default: the time of arrival. */
  readonly time?: keyof z.output<Schema> & string;
  /** Field that identifies the event; a second event with the same id has no effect. Default: none, or the CloudEvents id. */
  readonly id?: keyof z.output<Schema> & string;
  /** How far an event's time may lie behind its arrival; older ones become dead letters. Default "30d". Backfills are exempt. */
  readonly lateness?: Duration;
  /** What one producer may send in a minute; more is refused with 429 and not stored. Default: no limit. */
  readonly quota?: StreamQuota;
  /** Field by which events are divided among workers: those with the same value stay together, in order. */
  readonly key?: keyof z.output<Schema> & string;
  /** Parts that `strata worker` processes share (1 to 1024); it cannot change while events are kept. Default 1. One process ignores it. */
  readonly partitions?: number;
}

export interface StreamPartitioning {
  readonly key: string;
  readonly partitions: number;
}

export interface StreamQuota {
  readonly eventsPerMinute?: number;
  /** Of the events' JSON. */
  readonly bytesPerMinute?: number;
}

/** What fills a derived stream; derivation.ts has the kinds. */
export interface StreamDerivation {
  readonly operator: "map" | "join" | "session";
  /** The streams it reads, each once; the events of the first come first where times are equal. */
  readonly sources: readonly Stream[];
}

export interface Stream<Name extends string = string, Row = Record<string, unknown>> {
  readonly kind: "stream";
  readonly name: Name;
  readonly description: string;
  readonly owner: string | undefined;
  readonly tags: readonly string[];
  readonly schema: z.ZodObject;
  readonly time: string | undefined;
  readonly id: string | undefined;
  readonly latenessMs: number;
  readonly retention: { readonly maxAgeMs?: number; readonly maxBytes?: number };
  readonly storage: { readonly warmAfterMs?: number; readonly coldAfterMs?: number };
  readonly compatibility: CompatibilityMode;
  readonly watermark: { readonly delayMs: number; readonly idleAfterMs: number };
  readonly tierAfterMs: number | undefined;
  readonly quota: StreamQuota | undefined;
  /** Absent for streams that workers do not divide. */
  readonly partitioning?: StreamPartitioning;
  /** Absent for streams that producers send to. */
  readonly derivation?: StreamDerivation;
  /** Only for the type checker; never present at run time. */
  readonly __row?: Row;
}

/** The type of a stream's events. */
export type RowOf<S> = S extends Stream<string, infer Row> ? Row : never;

/**
 * Declares a stream.
 *
 * ```ts
 * const purchases = defineStream("purchases", {
 *   schema: z.object({ customer: z.string(), item: z.string(), price: z.number(), at: z.string() }),
 *   time: "at",
 * });
 * ```
 */
export function defineStream<const Name extends string, Schema extends z.ZodObject>(
  name: Name, options: StreamOptions<Schema>,
): Stream<Name, z.output<Schema>> {
  const latenessMs = durationMs(options.lateness ?? "30d");
  return Object.freeze({
    kind: "stream" as const,
    name,
    description: options.description ?? "",
    owner: options.owner,
    tags: [...options.tags ?? []],
    schema: options.schema,
    time: options.time,
    id: options.id,
    latenessMs,
    ...policiesOf(options, latenessMs),
    quota: options.quota,
    ...(options.key === undefined ? {} : { partitioning: { key: options.key, partitions: options.partitions ?? 1 } }),
  });
}

/** Whether the schema holds the field to whole numbers. */
export function isIntegerField({ schema }: Stream, field: string): boolean {
  let node = schema.shape[field] as { readonly isInt?: boolean; readonly def?: { readonly innerType?: unknown } } | undefined; // zod 4 exposes both
  while (node?.def?.innerType !== undefined) node = node.def.innerType as typeof node;
  return node?.isInt === true;
}

type Policies = Pick<Stream, "retention" | "storage" | "compatibility" | "watermark" | "tierAfterMs">;

/** The policies with their defaults; `delayMs` is the watermark's where none is given. */
export function policiesOf({ retention: { maxAge, maxBytes } = {}, storage: { warmAfter, coldAfter } = {}, compatibility = "BACKWARD", watermark = {}, tierAfter }: StreamPolicies, delayMs: number): Policies {
  return {
    retention: { ...(maxAge ? { maxAgeMs: durationMs(maxAge) } : {}), ...(maxBytes ? { maxBytes } : {}) },
    storage: { ...(warmAfter ? { warmAfterMs: durationMs(warmAfter) } : {}), ...(coldAfter ? { coldAfterMs: durationMs(coldAfter) } : {}) },
    compatibility,
    watermark: { delayMs: watermark.delay === undefined ? delayMs : durationMs(watermark.delay), idleAfterMs: durationMs(watermark.idleAfter ?? "5m") },
    tierAfterMs: tierAfter === undefined ? undefined : durationMs(tierAfter),
  };
}
