/**
 * A stream of events with a schema. Every other resource is derived from streams.
 */
import type { z } from "zod";
import type { Duration } from "../kernel/duration.ts";
import { durationMs } from "../kernel/duration.ts";

export interface StreamOptions<Schema extends z.ZodObject> {
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
  /** Old segments of the log are dropped by age or size; the lake keeps them. Default: keep everything. */
  readonly retention?: { readonly maxAge?: Duration; readonly maxBytes?: number };
  /**
   * Where the lake keeps old events, by their event time: after `warmAfter` in the blob store, fetched when they are
   * read; after `coldAfter` there too, in larger and smaller files. Default: all of them in the lake's folder.
   */
  readonly storage?: { readonly warmAfter?: Duration; readonly coldAfter?: Duration };
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
  const { maxAge, maxBytes } = options.retention ?? {};
  const { warmAfter, coldAfter } = options.storage ?? {};
  return Object.freeze({
    kind: "stream" as const,
    name,
    description: options.description ?? "",
    owner: options.owner,
    tags: [...options.tags ?? []],
    schema: options.schema,
    time: options.time,
    id: options.id,
    latenessMs: durationMs(options.lateness ?? "30d"),
    retention: { ...(maxAge ? { maxAgeMs: durationMs(maxAge) } : {}), ...(maxBytes ? { maxBytes } : {}) },
    storage: { ...(warmAfter ? { warmAfterMs: durationMs(warmAfter) } : {}), ...(coldAfter ? { coldAfterMs: durationMs(coldAfter) } : {}) },
  });
}

/** Whether the schema holds the field to whole numbers. */
export function isIntegerField({ schema }: Stream, field: string): boolean {
  let node = schema.shape[field] as { readonly isInt?: boolean; readonly def?: { readonly innerType?: unknown } } | undefined; // zod 4 exposes both
  while (node?.def?.innerType !== undefined) node = node.def.innerType as typeof node;
  return node?.isInt === true;
}
