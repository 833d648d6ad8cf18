/**
 * An inference graph: models that answer together as one. A sequence feeds each step from the one before, a switch
 * chooses by the tensors, a splitter by weight, an ensemble asks several and joins their answers.
 */
import type { TensorSpec } from "../kernel/tensor.ts";
import type { Model } from "./model.ts";
import { specsOf } from "./served-model.ts";
import type { FunctionSource, ServedModel, TensorType, TensorValue } from "./served-model.ts";

export type GraphTensors = Readonly<Record<string, TensorValue>>;

/** A model as a step. `inputs` names, for each of the model's inputs, the tensor that feeds it; same names when absent. `outputs` renames what it answers. */
export interface ModelStep {
  readonly kind: "model";
  readonly model: string;
  readonly version: string | undefined;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** What `model` names. */
  readonly resource: GraphMember;
}
export interface SequenceStep { readonly kind: "sequence"; readonly steps: readonly GraphStep[] }
export interface SwitchStep { readonly kind: "switch"; readonly cases: readonly { readonly when: (tensors: GraphTensors) => boolean; readonly to: GraphStep }[]; readonly otherwise: GraphStep | undefined }
export interface SplitterStep { readonly kind: "splitter"; readonly arms: readonly { readonly weight: number; readonly to: GraphStep }[] }
export interface EnsembleStep { readonly kind: "ensemble"; readonly members: Readonly<Record<string, GraphStep>>; readonly combine: "mean" | "concatenate" | FunctionSource["infer"] | undefined }
export type GraphStep = ModelStep | SequenceStep | SwitchStep | SplitterStep | EnsembleStep;

export interface InferenceGraph<Name extends string = string> {
  readonly kind: "inference-graph";
  readonly name: Name;
  readonly description: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly root: GraphStep;
  /** Served models, trained models and graphs that its steps name. */
  readonly members: readonly GraphMember[];
}

export type GraphMember = ServedModel | Model | InferenceGraph;

export interface StepOptions {
  /** A version or an alias; the model's default when absent. */
  readonly version?: string;
  /** The tensor that feeds an input of the model, where its name is another one: `{ pixels: "image" }`. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** What an output of the model is called from here on: `{ probabilities: "cat_or_dog" }`. */
  readonly outputs?: Readonly<Record<string, string>>;
}

/** Asks a model, or another graph. Its answer joins the tensors that later steps see. */
export function step(model: GraphMember, options: StepOptions = {}): ModelStep {
  return Object.freeze({ kind: "model" as const, model: model.name, version: options.version, inputs: { ...options.inputs }, outputs: { ...options.outputs }, resource: model });
}

/** One after another, each with all tensors of those before it; steps that do not need each other run at once. */
export function sequence(...steps: readonly GraphStep[]): SequenceStep {
  return Object.freeze({ kind: "sequence" as const, steps });
}

/** The first case whose condition holds for the tensors so far; without one, and without `otherwise`, the request is refused. */
export function switchOn(cases: SwitchStep["cases"], otherwise?: GraphStep): SwitchStep {
  return Object.freeze({ kind: "switch" as const, cases, otherwise });
}

/** One of several, by weight; the same caller (routing key, else request id) always meets the same one. */
export function splitter(...arms: SplitterStep["arms"]): SplitterStep {
  return Object.freeze({ kind: "splitter" as const, arms });
}

/**
 * All of them at once, on the same tensors. Their answers are joined under their own names, or combined: "mean" of
 * tensors with the same name, "concatenate" of their columns, or a function of all of them, named "member.tensor".
 */
export function ensemble(members: EnsembleStep["members"], combine?: EnsembleStep["combine"]): EnsembleStep {
  return Object.freeze({ kind: "ensemble" as const, members, combine });
}

export interface InferenceGraphOptions {
  readonly description?: string;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly root: GraphStep;
}

/** Declares a graph; it is asked like any model. */
export function defineInferenceGraph<const Name extends string>(name: Name, { description = "", inputs, outputs, root }: InferenceGraphOptions): InferenceGraph<Name> {
  const members = new Map(modelSteps(root).map(({ resource }) => [resource, resource] as const));
  return Object.freeze({ kind: "inference-graph" as const, name, description, inputs: specsOf(inputs), outputs: specsOf(outputs), root, members: [...members.keys()] });
}

/** Every step of a graph that asks a model. */
export function modelSteps(root: GraphStep): readonly ModelStep[] {
  return root.kind === "model" ? [root] : childrenOf(root).flatMap(modelSteps);
}

function childrenOf(parent: Exclude<GraphStep, ModelStep>): readonly GraphStep[] {
  switch (parent.kind) {
    case "sequence": return parent.steps;
    case "switch": return [...parent.cases.map(({ to }) => to), ...(parent.otherwise ? [parent.otherwise] : [])];
    case "splitter": return parent.arms.map(({ to }) => to);
    case "ensemble": return Object.values(parent.members);
  }
}
