/**
 * Which tensors a step of a graph reads and writes, as far as the definition tells: functions, trained models and graphs
 * say it, ONNX files and remote models only when they are loaded.
 */
import type { TensorSpec } from "../kernel/tensor.ts";
import type { GraphMember, GraphStep, ModelStep } from "./inference-graph.ts";
import { featureColumns } from "./model.ts";
import type { ModelSource, ServedModel } from "./served-model.ts";

/** What a model takes and gives, as far as the definition tells. */
export interface GraphSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Trained models take numbers of any datatype, and text for text columns. */
  readonly takesNumbers: boolean;
  /** They also take a tensor per column. */
  readonly columns: readonly string[];
}

/** undefined: it is not known before the model is loaded. */
export function signatureOf(member: GraphMember, version: string | undefined): GraphSignature | undefined {
  if (member.kind === "inference-graph") return { inputs: member.inputs, outputs: member.outputs, takesNumbers: false, columns: [] };
  if (member.kind === "model") {
    const columns = featureColumns(member).map(({ name }) => name);
    return { inputs: [{ name: "features", datatype: "FP64", shape: [-1, columns.length] }], outputs: [{ name: "scores", datatype: "FP64", shape: [-1] }], takesNumbers: true, columns };
  }
  const source = sourceOf(member, version);
  return source?.kind === "function" ? { inputs: source.inputs, outputs: source.outputs, takesNumbers: false, columns: [] } : undefined;
}

/** The inputs that a step feeds. */
export function inputsOfStep({ inputs, columns }: GraphSignature, step: ModelStep): readonly TensorSpec[] {
  const isByColumn = columns.length > 0 && Object.keys(step.inputs).some((name) => columns.includes(name));
  return isByColumn ? columns.map((name) => ({ name, datatype: "FP64" as const, shape: [-1] })) : inputs;
}

function sourceOf({ versions, aliases }: ServedModel, version: string | undefined): ModelSource | undefined {
  if (version !== undefined) return versions[aliases[version] ?? version];
  return versions[Object.keys(versions).toSorted((a, b) => Number(a) - Number(b)).at(-1) ?? ""];
}

/** Names that a step adds; undefined when it may add any. */
export function writesOf(step: GraphStep): ReadonlySet<string> | undefined {
  switch (step.kind) {
    case "model": {
      const signature = signatureOf(step.resource, step.version);
      return signature && new Set(signature.outputs.map(({ name }) => step.outputs[name] ?? name));
    }
    case "sequence": return union(step.steps.map(writesOf));
    case "switch": return union([...step.cases.map(({ to }) => to), ...(step.otherwise ? [step.otherwise] : [])].map(writesOf));
    case "splitter": return union(step.arms.map(({ to }) => writesOf(to)));
    case "ensemble": return typeof step.combine === "function" ? undefined : union(Object.values(step.members).map(writesOf));
  }
}

/** Names that a step looks at; undefined when it may look at any, as the conditions of a switch do. */
export function readsOf(step: GraphStep): ReadonlySet<string> | undefined {
  switch (step.kind) {
    case "model": {
      const signature = signatureOf(step.resource, step.version);
      // a trained model takes its features as one tensor or by column, whichever is there
      return signature && new Set([...inputsOfStep(signature, step).map(({ name }) => step.inputs[name] ?? name), ...(Object.keys(step.inputs).length === 0 ? signature.columns : [])]);
    }
    case "sequence": return union(step.steps.map(readsOf));
    case "switch": return undefined;
    case "splitter": return union(step.arms.map(({ to }) => readsOf(to)));
    case "ensemble": return union(Object.values(step.members).map(readsOf));
  }
}

function union(sets: readonly (ReadonlySet<string> | undefined)[]): ReadonlySet<string> | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const name of set) all.add(name);
  }
  return all;
}

/** For each step of a sequence, the earlier ones it must wait for. */
export function dependenciesOf(steps: readonly GraphStep[]): readonly (readonly number[])[] {
  const edges = steps.map((step) => ({ reads: readsOf(step), writes: writesOf(step) }));
  return edges.map(({ reads, writes }, at) => edges.slice(0, at).flatMap((earlier, before) => {
    const isFree = reads !== undefined && writes !== undefined && earlier.reads !== undefined && earlier.writes !== undefined
      && areApart(reads, earlier.writes) && areApart(writes, earlier.writes) && areApart(writes, earlier.reads);
    return isFree ? [] : [before];
  }));
}

const areApart = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => [...a].every((name) => !b.has(name));
