/** What a condition says of one value, and of one payload: the meaning of filters. Indexes only find the same sooner. */
import { conditionsOf } from "./filter.ts";
import type { Condition, FieldCondition, Filter, Match, Range } from "./filter.ts";
import { isWithinBox, isWithinPolygon, isWithinRadius } from "./geo.ts";
import { parsePath, valuesAt } from "./payload-path.ts";
import type { PointId } from "./point.ts";
import { tokensOf } from "./tokens.ts";

export interface Subject {
  readonly payload: unknown;
  readonly id: PointId | undefined;
  readonly hasVector: (name: string) => boolean;
}

/** A text condition on an indexed field compares words, otherwise it looks for the text itself. */
export type HasTextIndex = (key: string) => boolean;

export function meetsFilter(filter: Filter, subject: Subject, hasTextIndex: HasTextIndex): boolean {
  const meets = (condition: Condition): boolean => meetsCondition(condition, subject, hasTextIndex);
  const must = conditionsOf(filter.must), mustNot = conditionsOf(filter.must_not), should = conditionsOf(filter.should);
  if (must && !must.every(meets)) return false;
  if (mustNot && mustNot.some(meets)) return false;
  if (should && should.length > 0 && !should.some(meets)) return false;
  if (filter.min_should && filter.min_should.conditions.filter(meets).length < filter.min_should.min_count) return false;
  return true;
}

export function meetsCondition(condition: Condition, subject: Subject, hasTextIndex: HasTextIndex): boolean {
  if ("key" in condition) return meetsField(condition, subject.payload, hasTextIndex);
  if ("is_null" in condition) return isNullAt(subject.payload, condition.is_null.key);
  if ("is_empty" in condition) return isEmptyAt(subject.payload, condition.is_empty.key);
  if ("has_id" in condition) return subject.id !== undefined && condition.has_id.includes(subject.id);
  if ("has_vector" in condition) return subject.hasVector(condition.has_vector);
  if ("nested" in condition) {
    const { key, filter } = condition.nested;
    return valuesAt(subject.payload, parsePath(key.endsWith("[]") ? key.slice(0, -2) : key))?.some((payload) => meetsFilter(filter, { payload, id: undefined, hasVector: () => false }, () => false)) ?? false;
  }
  return meetsFilter(condition, subject, hasTextIndex);
}

export function meetsField(condition: FieldCondition, payload: unknown, hasTextIndex: HasTextIndex): boolean {
  const path = parsePath(condition.key);
  if (condition.is_empty !== undefined && condition.is_empty !== null) return isEmptyAt(payload, condition.key) === condition.is_empty;
  if (condition.is_null !== undefined && condition.is_null !== null) return isNullAt(payload, condition.key) === condition.is_null;
  if (condition.values_count) return meetsCounts(condition.values_count, valuesAt(payload, path, false));
  const values = valuesAt(payload, path);
  if (values === undefined) return false;
  const { match, range, geo_radius: radius, geo_bounding_box: box, geo_polygon: polygon } = condition;
  if (match) {
    const isIndexed = hasTextIndex(condition.key);
    return values.some((value) => matches(match, value, isIndexed));
  }
  if (range) return values.some((value) => isInRange(range, value));
  if (radius) return values.some((value) => isWithinRadius(radius, value));
  if (box) return values.some((value) => isWithinBox(box, value));
  if (polygon) return values.some((value) => isWithinPolygon(polygon, value));
  return false;
}

function matches(match: Match, value: unknown, isIndexed: boolean): boolean {
  if ("value" in match) return value === match.value;
  if ("any" in match) return match.any.includes(value as string); // compared by identity
  if ("except" in match) return !match.except.includes(value as string);
  if (typeof value !== "string") return false;
  if ("phrase" in match) return tokensOf(value).join(" ").includes(tokensOf(match.phrase).join(" "));
  const words = "text" in match ? match.text : match.text_any;
  if (isIndexed) {
    const present = new Set(tokensOf(value));
    const asked = tokensOf(words);
    return asked.length > 0 && ("text" in match ? asked.every((word) => present.has(word)) : asked.some((word) => present.has(word)));
  }
  return "text" in match ? value.includes(words) : words.split(/\s+/u).some((word) => word !== "" && value.includes(word));
}

export function isInRange({ lt, lte, gt, gte }: Range, value: unknown): boolean {
  const bounds = [lt, lte, gt, gte].filter((bound) => bound !== undefined && bound !== null);
  const isOfTimes = bounds.some((bound) => typeof bound === "string");
  const number = isOfTimes ? timeOf(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) return false;
  const limit = (bound: string | number | null | undefined): number | undefined => (bound === undefined || bound === null ? undefined : typeof bound === "string" ? timeOf(bound) : bound);
  const [below, atMost, above, atLeast] = [limit(lt), limit(lte), limit(gt), limit(gte)];
  return (below === undefined || number < below) && (atMost === undefined || number <= atMost) && (above === undefined || number > above) && (atLeast === undefined || number >= atLeast);
}

const HAS_ZONE = /(?:[zZ]|[+-]\d{2}:?\d{2})$/;

/** Microseconds since the epoch, of RFC 3339 and its usual shortenings; UTC where no zone is given. NaN for anything else. */
export function timeOf(value: unknown): number {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}/.test(value)) return Number.NaN;
  const text = value.length === 10 ? `${value}T00:00:00Z` : HAS_ZONE.test(value) ? value : `${value}Z`;
  const normal = text.replace(" ", "T").replace(/([+-]\d{2})(\d{2})$/, "$1:$2");
  const ms = Date.parse(normal);
  const beyond = /\.\d{3}(\d{1,3})/.exec(normal)?.[1];
  return ms * 1_000 + (beyond === undefined ? 0 : Number(beyond.padEnd(3, "0")));
}

function isNullAt(payload: unknown, key: string): boolean {
  return valuesAt(payload, parsePath(key), false)?.some((value) => value === null || (Array.isArray(value) && value.includes(null))) ?? false;
}

function isEmptyAt(payload: unknown, key: string): boolean {
  const values = valuesAt(payload, parsePath(key), false);
  return values === undefined || values.every((value) => value === null || (Array.isArray(value) && value.length === 0));
}

function meetsCounts({ lt, lte, gt, gte }: NonNullable<FieldCondition["values_count"]>, values: readonly unknown[] | undefined): boolean {
  if (values === undefined) return false;
  const counts = values.map((value) => (value === null ? 0 : Array.isArray(value) ? value.length : 1));
  const isSome = (limit: number | null | undefined, test: (count: number, limit: number) => boolean): boolean => limit === undefined || limit === null || counts.some((count) => test(count, limit));
  return isSome(lt, (a, b) => a < b) && isSome(lte, (a, b) => a <= b) && isSome(gt, (a, b) => a > b) && isSome(gte, (a, b) => a >= b);
}
