/**
 * Which points a filter leaves, as bits: columns and word lists first, then what no index can tell is looked up in the
 * payloads of those that are still in question.
 */
import type { RowBits } from "../../ports/vector-index.ts";
import { meetsCondition } from "./condition-predicate.ts";
import type { FieldColumn } from "./field-column.ts";
import { conditionsOf } from "./filter.ts";
import type { Condition, Filter } from "./filter.ts";
import type { KeywordField } from "./keyword-field.ts";
import type { Payload, PointId } from "./point.ts";
import { addAll, addBit, emptyBits, hasBit, keepCommon, removeAll, visitBits } from "./row-bits.ts";
import { tokensOf } from "./tokens.ts";

/** What filters look at. */
export interface FilterSource {
  /** One past the highest slot. */
  readonly slots: number;
  readonly columns: ReadonlyMap<string, FieldColumn>;
  readonly words: ReadonlyMap<string, KeywordField>;
  payload(slot: number): Payload;
  id(slot: number): PointId | undefined;
  slotOf(id: PointId): number | undefined;
  hasVector(slot: number, name: string): boolean;
}

/** Slots of `within` that meet the filter, in bits of their own. */
export function slotsOf(filter: Filter, within: RowBits, source: FilterSource): RowBits {
  let left: RowBits = within.slice();
  for (const condition of byCost(conditionsOf(filter.must) ?? [], source)) left = meeting(condition, left, source);
  for (const condition of byCost(conditionsOf(filter.must_not) ?? [], source)) left = removeAll(left, meeting(condition, left, source));
  const should = conditionsOf(filter.should) ?? [];
  if (should.length > 0) {
    const some = emptyBits(source.slots);
    for (const condition of byCost(should, source)) addAll(some, meeting(condition, removeAll(left.slice(), some), source));
    left = some;
  }
  return filter.min_should ? meetingSeveral(filter.min_should, left, source) : left;
}

function meetingSeveral({ conditions, min_count: least }: NonNullable<Filter["min_should"]>, within: RowBits, source: FilterSource): RowBits {
  const counts = new Uint8Array(source.slots);
  for (const condition of conditions) visitBits(meeting(condition, within, source), (slot) => { counts[slot]!++; });
  const bits = emptyBits(source.slots);
  visitBits(within, (slot) => { if (counts[slot]! >= least) addBit(bits, slot); });
  return bits;
}

function meeting(condition: Condition, within: RowBits, source: FilterSource): RowBits {
  const found = fromIndex(condition, within, source);
  if (found) return keepCommon(found, within);
  const bits = emptyBits(source.slots);
  visitBits(within, (slot) => { if (meetsAt(condition, slot, source)) addBit(bits, slot); });
  return bits;
}

/** undefined when no index can tell. */
function fromIndex(condition: Condition, within: RowBits, source: FilterSource): RowBits | undefined {
  if ("has_id" in condition) {
    const bits = emptyBits(source.slots);
    for (const id of condition.has_id) {
      const slot = source.slotOf(id);
      if (slot !== undefined) addBit(bits, slot);
    }
    return bits;
  }
  if ("key" in condition) {
    const { match } = condition;
    const words = match ? ("text" in match ? match.text : "text_any" in match ? match.text_any : undefined) : undefined;
    if (words !== undefined) return source.words.get(condition.key)?.find([...new Set(tokensOf(words))], source.slots, "text" in match!);
    const isPlain = condition.is_empty === undefined && condition.is_null === undefined && !condition.values_count;
    return isPlain ? source.columns.get(condition.key)?.find(condition, source.slots, (slot) => hasBit(within, slot) && meetsAt(condition, slot, source)) : undefined;
  }
  if ("has_vector" in condition || "is_empty" in condition || "is_null" in condition || "nested" in condition) return undefined;
  return slotsOf(condition, within, source);
}

function meetsAt(condition: Condition, slot: number, source: FilterSource): boolean {
  const subject = { payload: source.payload(slot), id: source.id(slot), hasVector: (name: string) => source.hasVector(slot, name) };
  return meetsCondition(condition, subject, (key) => source.words.has(key));
}

/** What an index answers comes first. */
function byCost(conditions: readonly Condition[], { columns, words }: FilterSource): readonly Condition[] {
  const costOf = (condition: Condition): number => ("has_id" in condition ? 0 : "key" in condition ? (columns.has(condition.key) || words.has(condition.key) ? 1 : 3) : 2);
  return conditions.length < 2 ? conditions : conditions.toSorted((a, b) => costOf(a) - costOf(b));
}
