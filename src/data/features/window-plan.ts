/**
 * What a feature view must keep and fold, worked out once from its definition: aggregations over the same values
 * share one column, and windows that end together are sorted so that a longer one continues where a shorter one ended.
 */
import { columnNames, compileExpression, shapeOf } from "../../define/index.ts";
import type { AggregationKind, AggregationNode, Evaluator, ExpressionNode, FeatureView, Scalar, Stream } from "../../define/index.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import { planChains } from "./chain-plan.ts";
import type { PlannedChain, PlannedWindow } from "./chain-plan.ts";
import { bucketsOf, createBucketEncoder } from "./value-buckets.ts";
import type { BucketKind } from "./value-buckets.ts";
import { valueTypeOf } from "./value-type.ts";
import type { ColumnKind } from "../../ports/analytics.ts";

/** One feature's value taken from a slot once the window's events are folded. */
export interface SlotOutput {
  /** Index into the plan's windows. */
  readonly window: number;
  /** Where the feature's numbers begin in the output, and how many they are. */
  readonly at: number;
  readonly width: number;
  readonly isLifetime: boolean;
  readonly node: AggregationNode;
}

/** How a slot's values are brought together; each family reads, tiles and remembers in its own way. */
export type Family = "folds" | "moments" | "firsts" | "lasts" | "distincts" | "tallies";
export const FAMILIES = ["folds", "moments", "firsts", "lasts", "distincts", "tallies"] as const satisfies readonly Family[];

const FAMILY_OF: Readonly<Record<AggregationKind, Family>> = {
  count: "folds", sum: "folds", mean: "folds", min: "folds", max: "folds", variance: "moments", standardDeviation: "moments",
  first: "firsts", last: "lasts", lastN: "lasts", distinct: "distincts",
  topK: "tallies", approximateDistinct: "tallies", quantile: "tallies", quantiles: "tallies", histogram: "tallies",
};

/**
 * A set of values that some aggregations take: nothing but the rows themselves ("rows"), whether a condition holds
 * ("flag"), numbers, codes of a dictionary, or whole numbers that stand for values ("bucket").
 */
export interface Slot extends Readonly<Record<Family, readonly SlotOutput[]>> {
  readonly storage: "rows" | "flag" | "number" | "code" | "bucket";
  /** Index among the columns of the same storage; codes and buckets share theirs. */
  readonly column: number;
  readonly of: ExpressionNode | undefined;
  readonly where: ExpressionNode | undefined;
  readonly value: Evaluator | undefined;
  readonly condition: Evaluator | undefined;
  readonly type: ColumnKind;
  /** How a value becomes a bucket. */
  readonly bucket: BucketKind | undefined;
  readonly bucketOf: ((value: Scalar) => number) | undefined;
}

export interface PlannedFeature {
  readonly name: string;
  readonly type: ColumnKind;
  /** The code column whose dictionary a text feature's codes belong to; -1 for the others. */
  readonly codeColumn: number;
  readonly isList: boolean;
  /** Where its numbers begin in the output, and the name of each as a column. */
  readonly at: number;
  readonly columns: readonly string[];
}

export interface WindowPlan {
  readonly features: readonly PlannedFeature[];
  /** Numbers that an evaluation writes. */
  readonly width: number;
  /** Windows that end together, shortest first; all windows stand in the order of their chains. */
  readonly chains: readonly PlannedChain[];
  readonly windows: readonly PlannedWindow[];
  readonly slots: readonly Slot[];
  readonly numberColumns: number;
  /** Of codes and buckets. */
  readonly codeColumns: number;
  readonly flagColumns: number;
  /** Number columns whose variance is asked for, and so keep moments in their tiles. */
  readonly momentColumns: readonly boolean[];
  /** Code columns that count distinct values, and so keep each row's distance to the value's previous occurrence. */
  readonly distinctColumns: readonly boolean[];
  /** Code columns whose larger tiles keep how often each code occurs. */
  readonly tallyColumns: readonly boolean[];
  /** By code column: buckets are below this; 0 for codes of a dictionary. */
  readonly bucketLimits: readonly number[];
  readonly ttlMs: number | undefined;
  /** Events older than this take part in nothing but lifetime features. */
  readonly keepMs: number;
  readonly hasLifetime: boolean;
}

/** Plans the view's features, or some of them. */
export function planWindows(view: FeatureView, names: readonly string[] = Object.keys(view.features)): WindowPlan {
  const nodes = names.map((name) => view.features[name]!);
  const { chains, windows, windowOf, keepMs } = planChains(nodes);
  const starts = startsOf(nodes);
  const outputs = nodes.map((node, feature): SlotOutput => {
    const window = windowOf(node);
    return { window, at: starts[feature]!, width: shapeOf(node).width, isLifetime: windows[window]!.isLifetime, node };
  });
  const slots = planSlots(outputs, view.from);
  const slotOf = (output: SlotOutput): Slot => slots.find((slot) => outputsOf(slot).includes(output))!; // every output was put into one
  const ofStorage = (...storages: readonly Slot["storage"][]): readonly Slot[] => slots.filter(({ storage }) => storages.includes(storage));
  const codes = ofStorage("code", "bucket");
  return {
    features: names.map((name, feature) => planFeature(name, slotOf(outputs[feature]!), outputs[feature]!)),
    width: outputs.reduce((sum, { width }) => sum + width, 0),
    chains, windows, slots,
    numberColumns: ofStorage("number").length, codeColumns: codes.length, flagColumns: ofStorage("flag").length,
    momentColumns: ofStorage("number").map((slot) => slot.moments.length > 0),
    distinctColumns: codes.map((slot) => slot.distincts.length > 0),
    tallyColumns: codes.map((slot) => slot.tallies.length > 0),
    bucketLimits: codes.map(({ bucket }) => (bucket === undefined ? 0 : bucketsOf(bucket))),
    ttlMs: view.ttlMs,
    keepMs: Math.max(0, view.ttlMs ?? 0, keepMs),
    hasLifetime: windows.some(({ isLifetime }) => isLifetime),
  };
}

/** All outputs of a slot. */
export function outputsOf(slot: Slot): readonly SlotOutput[] {
  return FAMILIES.flatMap((family) => slot[family]);
}

function startsOf(nodes: readonly AggregationNode[]): readonly number[] {
  let at = 0;
  return nodes.map((node) => {
    at += shapeOf(node).width;
    return at - shapeOf(node).width;
  });
}

type SlotDraft = Omit<Slot, Family> & Readonly<Record<Family, SlotOutput[]>>;

function planSlots(outputs: readonly SlotOutput[], stream: Stream): readonly Slot[] {
  const byKey = new Map<string, SlotDraft>();
  const columns = { rows: 0, flag: 0, number: 0, code: 0 };
  for (const output of outputs.toSorted((a, b) => a.window - b.window)) {
    const { node } = output;
    const { storage, type, bucket } = storageOf(node, stream);
    const key = canonicalJson([storage, type, bucket, node.of, node.where]);
    const slot = byKey.get(key) ?? draftSlot(node, { storage, type, bucket }, columns[storage === "bucket" ? "code" : storage]++);
    byKey.set(key, slot);
    slot[FAMILY_OF[node.aggregation]].push(output);
  }
  return [...byKey.values()];
}

type Storage = Pick<Slot, "storage" | "type" | "bucket">;

function draftSlot(node: AggregationNode, { storage, type, bucket }: Storage, column: number): SlotDraft {
  return {
    storage, column, of: node.of, where: node.where,
    value: node.of && compileExpression(node.of), condition: node.where && compileExpression(node.where),
    type, bucket, bucketOf: bucket && createBucketEncoder(bucket),
    folds: [], moments: [], firsts: [], lasts: [], distincts: [], tallies: [],
  };
}

function storageOf(node: AggregationNode, stream: Stream): Storage {
  if (node.of === undefined) return { storage: node.where === undefined ? "rows" : "flag", type: "number", bucket: undefined };
  const type = valueTypeOf(node.of, stream);
  switch (node.aggregation) {
    case "distinct": case "topK": return { storage: "code", type, bucket: undefined };
    case "first": case "last": case "lastN": return { storage: type === "text" ? "code" : "number", type, bucket: undefined };
    case "approximateDistinct": return { storage: "bucket", type, bucket: { kind: "offer" } };
    case "quantile": case "quantiles": return { storage: "bucket", type: "number", bucket: { kind: "rounded" } };
    case "histogram": return { storage: "bucket", type: "number", bucket: { kind: "edges", edges: node.edges! } };
    default: return { storage: "number", type: "number", bucket: undefined };
  }
}

/** Aggregations that hand a value on as it is. */
const VALUES: ReadonlySet<AggregationKind> = new Set(["first", "last", "lastN", "topK"]);

function planFeature(name: string, slot: Slot, { node, at }: SlotOutput): PlannedFeature {
  const type = VALUES.has(node.aggregation) ? slot.type : "number";
  return { name, type, codeColumn: type === "text" ? slot.column : -1, isList: shapeOf(node).isList, at, columns: columnNames(name, node) };
}
