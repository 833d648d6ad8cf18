/**
 * An inference graph: models that answer together as one. A sequence feeds each step from the one before, a switch
 * chooses by the tensors, a splitter by weight, an ensemble asks several and joins their answers.
 */
import type { TensorSpec } from "../kernel/tensor.ts";
import type { Model } from "./model.ts";
import type { FunctionSource, ServedModel, TensorValue } from "./served-model.ts";

export type GraphTensors = Readonly<Record<string, TensorValue>>;

/** A model as a step. `inputs` names, for each of the model's inputs, the tensor that feeds it; same names when absent. `outputs` renames what it answers. */
export interface ModelStep {
  readonly kind: "model";
  readonly model: string;
  readonly version: string | undefined;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}
export interface SequenceStep { readonly kind: "sequence"; readonly steps: readonly GraphStep[] }
export interface SwitchStep { readonly kind: "switch"; readonly cases: readonly { readonly when: (tensors: GraphTensors) => boolean; readonly then: GraphStep }[]; readonly otherwise: GraphStep | undefined }
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
  /** Served models and trained models that its steps name. */
  readonly members: readonly (ServedModel | Model | InferenceGraph)[];
}
