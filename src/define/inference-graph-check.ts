/**
 * The rules of graphs: every edge leads from a tensor that is there to an input that takes it, as far as the models'
 * tensors are known before anything is loaded (functions, trained models and graphs; ONNX files and remote models tell
 * theirs when they load, and are checked then).
 */
import type { Problem } from "../kernel/errors.ts";
import type { Datatype, TensorSpec } from "../kernel/tensor.ts";
import { modelSteps } from "./inference-graph.ts";
import type { EnsembleStep, GraphStep, InferenceGraph, ModelStep } from "./inference-graph.ts";
import { inputsOfStep, signatureOf, writesOf } from "./inference-graph-edges.ts";
import { checkTensor } from "./served-model-check.ts";
import type { ServedModel } from "./served-model.ts";

/** Tensors by name at one place of a graph. */
interface Known {
  /** Datatype, or undefined where only the name is known. */
  readonly tensors: ReadonlyMap<string, Datatype | undefined>;
  /** A model whose outputs are not known has answered: any tensor may be there. */
  readonly isOpen: boolean;
}

export function checkGraph(graph: InferenceGraph): readonly Problem[] {
  const path = `graphs.${graph.name}`;
  const problems: Problem[] = [
    ...(graph.inputs.length > 0 ? [] : [problem(`${path}.inputs`, "names no input", "empty")]),
    ...(graph.outputs.length > 0 ? [] : [problem(`${path}.outputs`, "names no output", "empty")]),
    ...[...graph.inputs, ...graph.outputs].flatMap((spec) => checkTensor(`${path}.${spec.name}`, spec)),
    ...(reaches(graph, graph.name) ? [problem(`${path}.root`, `graph "${graph.name}" asks itself`, "cycle")] : []),
  ];
  const end = walk(graph.root, { path: `${path}.root`, known: { tensors: new Map(graph.inputs.map(({ name, datatype }) => [name, datatype])), isOpen: false }, problems });
  for (const { name, datatype } of graph.outputs) {
    const found = end.tensors.get(name);
    if (!end.tensors.has(name) && !end.isOpen) problems.push(problem(`${path}.outputs.${name}`, `no step makes the tensor "${name}"; at the end there are ${[...end.tensors.keys()].join(", ")}`, "unknown-tensor"));
    else if (found !== undefined && found !== datatype) problems.push(problem(`${path}.outputs.${name}`, `is declared ${datatype}, and the graph makes ${found}`, "datatype-mismatch"));
  }
  return problems;
}

function reaches(graph: InferenceGraph, name: string): boolean {
  return modelSteps(graph.root).some(({ resource }) => resource.kind === "inference-graph" && (resource.name === name || reaches(resource, name)));
}

interface Place {
  readonly path: string;
  readonly known: Known;
  readonly problems: Problem[];
}

/** Checks a step and gives the tensors after it. */
function walk(step: GraphStep, place: Place): Known {
  const { path, known, problems } = place;
  switch (step.kind) {
    case "model": return walkModel(step, place);
    case "sequence":
      if (step.steps.length === 0) problems.push(problem(path, "a sequence needs a step", "empty"));
      return step.steps.reduce((before, next, at) => walk(next, { path: `${path}.${at}`, known: before, problems }), known);
    case "switch": {
      if (step.cases.length === 0) problems.push(problem(path, "a switch needs a case", "empty"));
      const ends = step.cases.map(({ to }, at) => walk(to, { ...place, path: `${path}.cases.${at}` }));
      return alternatives([...ends, ...(step.otherwise ? [walk(step.otherwise, { ...place, path: `${path}.otherwise` })] : [])], known);
    }
    case "splitter": {
      if (step.arms.length === 0) problems.push(problem(path, "a splitter needs an arm", "empty"));
      step.arms.forEach(({ weight }, at) => {
        if (!(weight > 0 && Number.isFinite(weight))) problems.push(problem(`${path}.arms.${at}`, `weight ${weight} is not a positive number`, "bad-weight"));
      });
      return alternatives(step.arms.map(({ to }, at) => walk(to, { ...place, path: `${path}.arms.${at}` })), known);
    }
    case "ensemble": return walkEnsemble(step, place);
  }
}

/** What is there whichever way was taken. */
function alternatives(ends: readonly Known[], before: Known): Known {
  const [first, ...others] = ends;
  if (first === undefined) return before;
  const common = [...first.tensors].filter(([name]) => others.every((other) => other.isOpen || other.tensors.has(name)))
    .map(([name, datatype]) => [name, others.every((other) => other.tensors.get(name) === datatype) ? datatype : undefined] as const);
  return { tensors: new Map(common), isOpen: ends.some((end) => end.isOpen) };
}

function walkModel(step: ModelStep, { path, known, problems }: Place): Known {
  const signature = signatureOf(step.resource, step.version);
  if (step.resource.kind === "served-model" && step.version !== undefined && !hasVersion(step.resource, step.version)) {
    problems.push(problem(path, `model "${step.model}" has no version or alias "${step.version}"`, "unknown-version"));
  }
  if (signature === undefined) {
    for (const [input, tensor] of Object.entries(step.inputs)) checkThere(`${path}.inputs.${input}`, tensor, { known, problems });
    return { tensors: new Map([...known.tensors, ...Object.values(step.outputs).map((name) => [name, undefined] as const)]), isOpen: true };
  }
  const inputs = inputsOfStep(signature, step);
  for (const name of Object.keys(step.inputs)) if (!inputs.some((input) => input.name === name)) problems.push(problem(`${path}.inputs.${name}`, `model "${step.model}" has no input "${name}"; it has ${namesOf(inputs)}`, "unknown-input"));
  for (const name of Object.keys(step.outputs)) if (!signature.outputs.some((output) => output.name === name)) problems.push(problem(`${path}.outputs.${name}`, `model "${step.model}" has no output "${name}"; it has ${namesOf(signature.outputs)}`, "unknown-output"));
  for (const input of inputs) {
    const tensor = step.inputs[input.name] ?? input.name;
    checkThere(`${path}.inputs.${input.name}`, tensor, { known, problems });
    const found = known.tensors.get(tensor);
    if (found !== undefined && !fits(found, input.datatype, signature.takesNumbers)) problems.push(problem(`${path}.inputs.${input.name}`, `tensor "${tensor}" is ${found}, and model "${step.model}" takes ${input.datatype}`, "datatype-mismatch"));
  }
  const answered = signature.outputs.map(({ name, datatype }) => [step.outputs[name] ?? name, datatype] as const);
  return { tensors: new Map([...known.tensors, ...answered]), isOpen: known.isOpen };
}

function checkThere(path: string, tensor: string, { known, problems }: Pick<Place, "known" | "problems">): void {
  if (known.isOpen || known.tensors.has(tensor)) return;
  problems.push(problem(path, `there is no tensor "${tensor}" here; there are ${[...known.tensors.keys()].join(", ")}`, "unknown-tensor"));
}

const fits = (found: Datatype, wanted: Datatype, takesNumbers: boolean): boolean => found === wanted || (takesNumbers && found !== "FP16" && found !== "BF16");
const namesOf = (specs: readonly TensorSpec[]): string => specs.map(({ name }) => name).join(", ");

const hasVersion = ({ versions, aliases }: ServedModel, version: string): boolean => Object.hasOwn(versions, version) || Object.hasOwn(aliases, version);

function walkEnsemble({ members, combine }: EnsembleStep, place: Place): Known {
  const { path, known, problems } = place;
  const names = Object.keys(members);
  if (names.length === 0) problems.push(problem(path, "an ensemble needs a member", "empty"));
  const ends = names.map((name) => walk(members[name]!, { ...place, path: `${path}.members.${name}` }));
  const isOpen = ends.some((end) => end.isOpen) || typeof combine === "function";
  const made = names.map((name) => writesOf(members[name]!) ?? new Set<string>());
  if (combine === undefined) {
    made.forEach((mine, at) => made.slice(0, at).forEach((other, before) => {
      for (const name of mine) if (other.has(name)) problems.push(problem(`${path}.members.${names[at]}`, `makes the tensor "${name}", and so does member "${names[before]}"; rename one with outputs, or combine them`, "duplicate-tensor"));
    }));
    return { tensors: new Map(ends.flatMap((end) => [...end.tensors])), isOpen };
  }
  if (typeof combine === "function") return { tensors: known.tensors, isOpen };
  const common = [...made[0] ?? []].filter((name) => made.every((other) => other.has(name)));
  if (common.length === 0 && !isOpen && names.length > 0) problems.push(problem(path, `its members have no tensor in common to ${combine === "mean" ? "average" : "concatenate"}`, "nothing-in-common"));
  return { tensors: new Map([...known.tensors, ...common.map((name) => [name, ends[0]!.tensors.get(name)] as const)]), isOpen };
}

function problem(path: string, message: string, code: string): Problem {
  return { path, message, code };
}
