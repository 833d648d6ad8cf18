/**
 * A model: which features, which examples, what label, how it learns, what it must prove, when it learns again.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import { columnNames } from "./aggregation.ts";
import type { Candidates } from "./candidates.ts";
import type { Entity } from "./entity.ts";
import type { FeatureView } from "./feature-view.ts";
import type { Gate } from "./gate.ts";
import type { OnDemand } from "./on-demand.ts";
import type { Trainer } from "./trainer.ts";
import type { Examples, Label } from "./training-examples.ts";
import type { Trigger } from "./trigger.ts";

/** Anything a model can take features from. */
export type FeatureProvider = FeatureView | Candidates | OnDemand;

export interface ModelOptions {
  readonly description?: string;
  readonly features: readonly FeatureProvider[];
  readonly examples: Examples;
  readonly label: Label;
  readonly trainer: Trainer;
  /** The latest part of the examples is held out by time for validation and gates. Default: the latest fifth. */
  readonly holdout?: Duration;
  readonly gates?: readonly Gate[];
  readonly retrain?: readonly Trigger[];
  /** Shortest time between two automatic trainings. Default "1h". */
  readonly cooldown?: Duration;
}

export interface Model<Name extends string = string> {
  readonly kind: "model";
  readonly name: Name;
  readonly description: string;
  readonly features: readonly FeatureProvider[];
  readonly examples: Examples;
  readonly label: Label;
  readonly trainer: Trainer;
  readonly holdoutMs: number | undefined;
  readonly gates: readonly Gate[];
  readonly retrain: readonly Trigger[];
  readonly cooldownMs: number;
}

/** Declares a model. */
export function defineModel<const Name extends string>(name: Name, options: ModelOptions): Model<Name> {
  return Object.freeze({
    kind: "model" as const, name, description: options.description ?? "",
    features: options.features, examples: options.examples, label: options.label, trainer: options.trainer,
    holdoutMs: options.holdout === undefined ? undefined : durationMs(options.holdout),
    gates: options.gates ?? [], retrain: options.retrain ?? [], cooldownMs: durationMs(options.cooldown ?? "1h"),
  });
}

/** A column of a model's input matrix. */
export interface FeatureColumn {
  /** `view.feature`, the name in training sets, artifacts and inference requests. */
  readonly name: string;
  readonly source: string;
  /** The feature; of one whose value is a list, the place is added: `recent_1`. */
  readonly feature: string;
  /** Text features are encoded as categories learned in training. */
  readonly type: "number" | "category";
}

/** The model's input columns, in the order of its definition. */
export function featureColumns(model: Pick<Model, "features">): readonly FeatureColumn[] {
  return model.features.flatMap((provider) => provider.selected.flatMap((feature) => columnsOf(provider, feature)));
}

function columnsOf(provider: FeatureProvider, feature: string): readonly FeatureColumn[] {
  const node = provider.kind === "feature-view" ? provider.features[feature] : undefined;
  const names = node === undefined ? [feature] : columnNames(feature, node);
  const type = columnType(provider, feature);
  return names.map((column) => ({ name: `${provider.name}.${column}`, source: provider.name, feature: column, type }));
}

const VALUE_AGGREGATIONS: ReadonlySet<string> = new Set(["first", "last", "lastN", "topK"]);

/** Aggregations that hand a value on may return text; whether they do is known from the stream's schema, which the expression's field belongs to. */
function columnType(provider: FeatureProvider, feature: string): "number" | "category" {
  if (provider.kind !== "feature-view") return "number";
  const node = provider.features[feature];
  if (node === undefined || !VALUE_AGGREGATIONS.has(node.aggregation) || node.of?.op !== "field") return "number";
  const field = provider.from.schema.shape[node.of.name];
  return field !== undefined && TEXT_TYPES.has(innerType(field)) ? "category" : "number";
}

const TEXT_TYPES = new Set(["string", "enum", "literal", "template_literal"]);

function innerType(schema: unknown): string {
  let current = schema as { readonly type?: string; readonly def?: { readonly innerType?: unknown } }; // zod 4 exposes both
  while (current.def?.innerType !== undefined) current = current.def.innerType as typeof current;
  return current.type ?? "unknown";
}

/** The entities a model's features need, in first-seen order. */
export function entitiesOf(providers: readonly FeatureProvider[]): readonly Entity[] {
  const byName = new Map<string, Entity>();
  for (const provider of providers) {
    const entities = provider.kind === "on-demand" ? entitiesOf(provider.from) : provider.entities;
    for (const entity of entities) byName.set(entity.name, entity);
  }
  return [...byName.values()];
}
