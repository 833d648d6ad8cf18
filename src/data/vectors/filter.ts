/**
 * Filters over points, as Qdrant writes them: must, should, must_not and min_should over conditions on payload fields,
 * ids and vectors. Plain data; the schema here is what a request is checked against.
 */
import { z } from "zod";
import { StrataError } from "../../kernel/errors.ts";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const point = z.object({ lat: z.number(), lon: z.number() });
const bound = z.union([z.number(), z.string()]).nullish();
const ring = z.object({ points: z.array(point).min(3) });
const pointId = z.union([z.int().min(0), z.guid().toLowerCase()]);

const match = z.union([
  z.strictObject({ value: scalar }),
  z.strictObject({ text: z.string() }),
  z.strictObject({ text_any: z.string() }),
  z.strictObject({ phrase: z.string() }),
  z.strictObject({ any: z.array(scalar) }),
  z.strictObject({ except: z.array(scalar) }),
]);
const range = z.strictObject({ lt: bound, lte: bound, gt: bound, gte: bound });
const counts = z.strictObject({ lt: z.number().nullish(), lte: z.number().nullish(), gt: z.number().nullish(), gte: z.number().nullish() });

const fieldCondition = z.strictObject({
  key: z.string(), match: match.nullish(), range: range.nullish(), geo_bounding_box: z.object({ top_left: point, bottom_right: point }).nullish(),
  geo_radius: z.object({ center: point, radius: z.number() }).nullish(), geo_polygon: z.object({ exterior: ring, interiors: z.array(ring).nullish() }).nullish(),
  values_count: counts.nullish(), is_empty: z.boolean().nullish(), is_null: z.boolean().nullish(),
});

export type FieldCondition = z.output<typeof fieldCondition>;
export type Match = z.output<typeof match>;
export type Range = z.output<typeof range>;
export type Condition =
  | FieldCondition | { readonly is_empty: { readonly key: string } } | { readonly is_null: { readonly key: string } } | { readonly has_id: readonly (number | string)[] }
  | { readonly has_vector: string } | { readonly nested: { readonly key: string; readonly filter: Filter } } | Filter;

export interface Filter {
  readonly must?: Condition | readonly Condition[] | null | undefined;
  readonly should?: Condition | readonly Condition[] | null | undefined;
  readonly must_not?: Condition | readonly Condition[] | null | undefined;
  readonly min_should?: { readonly conditions: readonly Condition[]; readonly min_count: number } | null | undefined;
}

const condition: z.ZodType<Condition> = z.lazy(() => z.union([
  fieldCondition, z.strictObject({ is_empty: z.object({ key: z.string() }) }), z.strictObject({ is_null: z.object({ key: z.string() }) }),
  z.strictObject({ has_id: z.array(pointId) }), z.strictObject({ has_vector: z.string() }),
  z.strictObject({ nested: z.object({ key: z.string(), filter: filter }) }), filter,
]));
const conditions = z.union([z.array(condition), condition]).nullish();
const filter: z.ZodType<Filter> = z.lazy(() => z.strictObject({
  must: conditions, should: conditions, must_not: conditions, min_should: z.object({ conditions: z.array(condition), min_count: z.int().min(0) }).nullish(),
}));

/** undefined for nothing given. REQUEST_INVALID. */
export function parseFilter(value: unknown): Filter | undefined {
  if (value === undefined || value === null) return undefined;
  const result = filter.safeParse(value);
  if (result.success) return result.data;
  throw new StrataError("REQUEST_INVALID", { reason: `The filter is not valid: ${z.prettifyError(result.error).replaceAll("\n", " ").slice(0, 500)}` });
}

export function conditionsOf(given: Condition | readonly Condition[] | null | undefined): readonly Condition[] | undefined {
  if (given === undefined || given === null) return undefined;
  return Array.isArray(given) ? given as readonly Condition[] : [given as Condition];
}
