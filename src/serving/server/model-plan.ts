/** What should be served, whatever it was declared by: a definition, a repository folder, an upload. Pure data. */
import { batchingOf } from "../../define/index.ts";
import type { FunctionSource, InferenceGraph, OpenInferenceSource, ServedModel } from "../../define/index.ts";
import type { OnnxArtifact } from "../../ports/inference-model.ts";

export type PlannedSource =
  | FunctionSource | OpenInferenceSource
  | { readonly kind: "onnx"; readonly artifact: OnnxArtifact }
  | { readonly kind: "graph"; readonly graph: InferenceGraph };

export interface ModelPlan extends Omit<ServedModel, "kind" | "versions"> {
  readonly versions: ReadonlyMap<string, PlannedSource>;
}

export function planOfServedModel(model: ServedModel, fileOf: (file: string) => string): ModelPlan {
  const versions = Object.entries(model.versions).map(([version, source]) =>
    [version, source.kind === "onnx" ? { kind: "onnx" as const, artifact: { file: fileOf(source.file) } } : source] as const);
  const { name, description, policy, aliases, batching, instances, cacheEntries, load } = model;
  return { name, description, versions: new Map(versions.toSorted(([a], [b]) => compareVersions(a, b))), policy, aliases, batching, instances, cacheEntries, load };
}

/** A graph is version 1 of itself; its steps batch, so it does not. */
export function planOfGraph(graph: InferenceGraph): ModelPlan {
  return {
    name: graph.name, description: graph.description, versions: new Map([["1", { kind: "graph", graph }]]), policy: { kind: "latest", count: 1 }, aliases: {},
    batching: batchingOf(), instances: 1, cacheEntries: 0, load: "start",
  };
}

/** Versions of the plan that the policy loads, oldest first. */
export function versionsToLoad({ versions, policy }: Pick<ModelPlan, "versions" | "policy">): readonly string[] {
  const all = [...versions.keys()].toSorted(compareVersions);
  if (policy.kind === "latest") return all.slice(-policy.count);
  return policy.kind === "all" ? all : all.filter((version) => policy.versions.includes(version));
}

/** By number: version 10 comes after version 9. */
export function compareVersions(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Two plans that would serve the same; functions are compared by identity, so an edited one counts as another. */
export function isSamePlan(a: ModelPlan, b: ModelPlan): boolean {
  const { versions: versionsOfA, ...restOfA } = a;
  const { versions: versionsOfB, ...restOfB } = b;
  return JSON.stringify(restOfA) === JSON.stringify(restOfB) && versionsOfA.size === versionsOfB.size
    && [...versionsOfA].every(([version, source]) => isSameSource(source, versionsOfB.get(version)));
}

export function isSameSource(a: PlannedSource, b: PlannedSource | undefined): boolean {
  if (a === b || b === undefined || a.kind !== b.kind) return a === b;
  if (a.kind === "function" || b.kind === "function") return a.kind === "function" && b.kind === "function" && a.infer === b.infer;
  if (a.kind === "graph" || b.kind === "graph") return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
