/**
 * What a feature view must keep and fold, worked out once from its definition: aggregations over the same values
 * share one column, and windows are sorted so that a longer one continues where a shorter one ended.
 */
import { compileExpression } from "../../define/index.ts";
import type { AggregationNode, Evaluator, ExpressionNode, FeatureView, Stream } from "../../define/index.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import { valueTypeOf } from "./value-type.ts";
import type { ColumnKind } from "../../ports/analytics.ts";

/** One feature's value taken from a slot once the window's events are folded. */
export interface SlotOutput {
  /** Index into the plan's windows. */
  readonly window: number;
  /** Index into the plan's features. */
  readonly feature: number;
  readonly aggregation: AggregationNode["aggregation"];
}

/**
 * A set of values that some aggregations fold: nothing but the rows themselves ("rows"), whether a condition holds
 * ("flag"), numbers, or codes of a dictionary.
 */
export interface Slot {
  readonly storage: "rows" | "flag" | "number" | "code";
  /** Index among the columns of the same storage. */
  readonly column: number;
  readonly of: ExpressionNode | undefined;
  readonly where: ExpressionNode | undefined;
  readonly value: Evaluator | undefined;
  readonly condition: Evaluator | undefined;
  readonly type: ColumnKind;
  /** count, sum, mean, min, max: by ascending window. */
  readonly folds: readonly SlotOutput[];
  readonly lasts: readonly SlotOutput[];
  readonly distincts: readonly SlotOutput[];
}

export interface PlannedFeature {
  readonly name: string;
  readonly type: ColumnKind;
  /** The code column whose dictionary a text feature's codes belong to; -1 for the others. */
  readonly codeColumn: number;
}

export interface WindowPlan {
  readonly features: readonly PlannedFeature[];
  /** Lengths in ms, ascending; Infinity = the entity's whole life. */
  readonly windowsMs: readonly number[];
  readonly slots: readonly Slot[];
  readonly numberColumns: number;
  readonly codeColumns: number;
  readonly flagColumns: number;
  /** Code columns that count distinct values, and so keep each row's distance to the value's previous occurrence. */
  readonly distinctColumns: readonly boolean[];
  readonly ttlMs: number | undefined;
  /** Events older than this take part in nothing but lifetime features. */
  readonly keepMs: number;
  readonly hasLifetime: boolean;
}

/** Plans the view's features, or some of them. */
export function planWindows(view: FeatureView, names: readonly string[] = Object.keys(view.features)): WindowPlan {
  const nodes = names.map((name) => view.features[name]!);
  const windowsMs = [...new Set(nodes.map(windowOf))].toSorted((a, b) => a - b);
  const drafts = draftSlots(nodes, windowsMs, view.from);
  const finite = windowsMs.filter((windowMs) => Number.isFinite(windowMs));
  const count = (storage: Slot["storage"]): number => drafts.filter((slot) => slot.storage === storage).length;
  return {
    features: names.map((name, feature) => planFeature(name, drafts.find((slot) => outputsOf(slot).some((output) => output.feature === feature))!, nodes[feature]!)),
    windowsMs, slots: drafts,
    numberColumns: count("number"), codeColumns: count("code"), flagColumns: count("flag"),
    distinctColumns: drafts.filter((slot) => slot.storage === "code").map((slot) => slot.distincts.length > 0),
    ttlMs: view.ttlMs,
    keepMs: Math.max(0, view.ttlMs ?? 0, ...finite),
    hasLifetime: finite.length < windowsMs.length,
  };
}

/** All outputs of a slot. */
export function outputsOf(slot: Slot): readonly SlotOutput[] {
  return [...slot.folds, ...slot.lasts, ...slot.distincts];
}

const windowOf = (node: AggregationNode): number => node.windowMs ?? Number.POSITIVE_INFINITY;

type SlotDraft = Slot & { readonly folds: SlotOutput[]; readonly lasts: SlotOutput[]; readonly distincts: SlotOutput[] };

function draftSlots(nodes: readonly AggregationNode[], windowsMs: readonly number[], stream: Stream): readonly Slot[] {
  const byKey = new Map<string, SlotDraft>();
  const columns = { rows: 0, flag: 0, number: 0, code: 0 };
  nodes.forEach((node, feature) => {
    const { storage, type } = storageOf(node, stream);
    const key = canonicalJson([storage, type, node.of, node.where]);
    const slot = byKey.get(key) ?? draftSlot(node, storage, type, columns[storage]++);
    byKey.set(key, slot);
    const output = { window: windowsMs.indexOf(windowOf(node)), feature, aggregation: node.aggregation };
    (node.aggregation === "last" ? slot.lasts : node.aggregation === "distinct" ? slot.distincts : slot.folds).push(output);
  });
  for (const slot of byKey.values()) {
    for (const outputs of [slot.folds, slot.distincts]) outputs.splice(0, outputs.length, ...outputs.toSorted((a, b) => a.window - b.window));
  }
  return [...byKey.values()];
}

function draftSlot(node: AggregationNode, storage: Slot["storage"], type: ColumnKind, column: number): SlotDraft {
  return {
    storage, column, of: node.of, where: node.where,
    value: node.of && compileExpression(node.of), condition: node.where && compileExpression(node.where),
    type, folds: [], lasts: [], distincts: [],
  };
}

function storageOf(node: AggregationNode, stream: Stream): { readonly storage: Slot["storage"]; readonly type: ColumnKind } {
  if (node.of === undefined) return { storage: node.where === undefined ? "rows" : "flag", type: "number" };
  const type = valueTypeOf(node.of, stream);
  switch (node.aggregation) {
    case "distinct": return { storage: "code", type };
    case "last": return { storage: type === "text" ? "code" : "number", type };
    default: return { storage: "number", type: "number" };
  }
}

function planFeature(name: string, slot: Slot, node: AggregationNode): PlannedFeature {
  const type = node.aggregation === "last" ? slot.type : "number";
  return { name, type, codeColumn: type === "text" ? slot.column : -1 };
}
