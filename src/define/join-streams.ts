/** A stream of pairs: events of two streams with the same key whose times are near each other. */
import type { z } from "zod";
import { durationMs, type Duration } from "../kernel/duration.ts";
import { nodesOf, type JoinDerivation, type MakersOf } from "./derivation.ts";
import { eventExpressions, scopedExpressions } from "./expression.ts";
import type { EventExpressions, Expression } from "./expression.ts";
import { policiesOf, type Stream, type StreamPolicies } from "./stream.ts";

type Key = Expression<string> | Expression<number>;

export interface JoinOptions<Left, Right, Schema extends z.ZodObject> extends StreamPolicies {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly left: Stream<string, Left>;
  readonly right: Stream<string, Right>;
  /** Events match when these are equal; an event without a key matches nothing. */
  readonly by: (left: EventExpressions<Left>, right: EventExpressions<Right>) => readonly [left: Key, right: Key];
  /** How far the right event's time may lie from the left one's, on both sides or each on its own. */
  readonly within: Duration | { readonly before?: Duration; readonly after?: Duration };
  /** Default "inner". "left" also tells left events that found no match, once the right stream's watermark has passed their window; their right fields are missing. */
  readonly kind?: "inner" | "left";
  readonly schema: Schema;
  /** Field of the new event that holds its time. Default: the later of the two events' times. */
  readonly time?: keyof z.output<Schema> & string;
  readonly map: (left: EventExpressions<Left>, right: EventExpressions<Right>) => MakersOf<Schema>;
}

/**
 * Declares a window join of two streams.
 *
 * ```ts
 * const attributed = joinStreams("attributed_purchases", {
 *   left: purchases, right: clicks, within: { before: "30m" }, by: (p, c) => [p.customer, c.customer],
 *   schema: z.object({ customer: z.string(), item: z.string(), campaign: z.string() }),
 *   map: (p, c) => ({ customer: p.customer, item: p.item, campaign: c.campaign }),
 * });
 * ```
 */
export function joinStreams<const Name extends string, Left, Right, Schema extends z.ZodObject>(
  name: Name, options: JoinOptions<Left, Right, Schema>,
): Stream<Name, z.output<Schema>> {
  const left = options.left as Stream, right = options.right as Stream; // the row types have done their work
  const keys = options.by(eventExpressions<Left>(), eventExpressions<Right>());
  const e = { left: scopedExpressions("left") as EventExpressions<Left>, right: scopedExpressions("right") as EventExpressions<Right> }; // the proxies answer every field
  const derivation: JoinDerivation = {
    operator: "join", sources: left.name === right.name ? [left] : [left, right],
    left: { stream: left, by: keys[0].node }, right: { stream: right, by: keys[1].node },
    ...reachOf(options.within), kind: options.kind ?? "inner",
    map: nodesOf(options.map(e.left, e.right)),
  };
  return Object.freeze({
    kind: "stream" as const, name, description: options.description ?? "", owner: options.owner, tags: [...options.tags ?? []],
    schema: options.schema, time: options.time, id: undefined, latenessMs: Math.max(left.latenessMs, right.latenessMs),
    ...policiesOf(options, Math.max(left.watermark.delayMs, right.watermark.delayMs)), quota: undefined, derivation,
  });
}

function reachOf(within: JoinOptions<unknown, unknown, z.ZodObject>["within"]): { readonly beforeMs: number; readonly afterMs: number } {
  if (typeof within === "string") return { beforeMs: durationMs(within), afterMs: durationMs(within) };
  const { before, after } = within;
  return { beforeMs: before === undefined ? 0 : durationMs(before), afterMs: after === undefined ? 0 : durationMs(after) };
}
