/**
 * A graph as a model: asks its members through the model server, so each step is batched, cached, counted and explained
 * like any request. The first step that fails ends the request; what still runs beside it is told to stop.
 */
import { dependenciesOf } from "../../define/index.ts";
import type { EnsembleStep, GraphStep, GraphTensors, InferenceGraph, ModelStep, SequenceStep, SplitterStep, SwitchStep } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel, InferenceOptions } from "../../ports/inference-model.ts";
import type { InferenceRequest } from "../model-server.ts";
import { combineTensors } from "./combine-tensors.ts";
import { chooseArm } from "./choose-arm.ts";

/** The graph's way to its members. */
export interface GraphHost {
  /** What the model takes; columns when it also takes a tensor per column. */
  signature(model: string, version: string | undefined): Promise<{ readonly inputs: readonly TensorSpec[]; readonly columns: readonly string[] }>;
  infer(request: InferenceRequest): Promise<{ readonly outputs: readonly Tensor[] }>;
  /** Uniform in [0, 1), for splits of callers without a name. */
  draw(): number;
}

/** Steps of one graph that may wait for members at once; the members' queues bound the rest. */
const CONCURRENCY = 4_096;

type Tensors = ReadonlyMap<string, Tensor>;
type Run = (tensors: Tensors, options: InferenceOptions) => Promise<Tensors>;

export function createGraphModel(graph: InferenceGraph, host: GraphHost): InferenceModel {
  const run = compile(graph.root, { graph, host, path: "root" });
  let isClosed = false;
  return {
    platform: "strata_graph", inputs: graph.inputs, outputs: graph.outputs, isBatchable: false, concurrency: CONCURRENCY, memoryBytes: 0,
    infer: async (inputs, options = {}) => {
      if (isClosed) throw new StrataError("CLOSED", { what: `Graph "${graph.name}"` });
      const given = new Map(inputs.map((tensor) => [tensor.name, tensor]));
      const stop = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
      try {
        const made = await run(given, { ...options, signal });
        const wanted = options.wanted === undefined ? graph.outputs : graph.outputs.filter(({ name }) => options.wanted!.includes(name));
        return wanted.map((spec) => outputOf(spec, made.get(spec.name) ?? given.get(spec.name)));
      } catch (thrown) {
        stop.abort(); // the others need not go on
        throw thrown;
      }
    },
    close: async () => { isClosed = true; },
  };
}

function outputOf(spec: TensorSpec, tensor: Tensor | undefined): Tensor {
  if (tensor === undefined) throw new TypeError(`no step made the output "${spec.name}"`);
  const fits = tensor.datatype === spec.datatype && tensor.shape.length === spec.shape.length && tensor.shape.every((size, at) => spec.shape[at] === -1 || spec.shape[at] === size);
  if (!fits) throw new TypeError(`output "${spec.name}" is ${tensor.datatype} [${tensor.shape.join(",")}]; the graph declares ${spec.datatype} [${spec.shape.join(",")}]`);
  return tensor;
}

interface Place {
  readonly graph: InferenceGraph;
  readonly host: GraphHost;
  /** Where the step stands; it salts splits, so that two splitters do not choose alike. */
  readonly path: string;
}

/** A step as a function from the tensors before it to those it makes. */
function compile(step: GraphStep, place: Place): Run {
  switch (step.kind) {
    case "model": return compileModel(step, place);
    case "sequence": return compileSequence(step, place);
    case "switch": return compileSwitch(step, place);
    case "splitter": return compileSplitter(step, place);
    case "ensemble": return compileEnsemble(step, place);
  }
}

function compileModel(step: ModelStep, { host }: Place): Run {
  return async (tensors, options) => {
    const { inputs, columns } = await host.signature(step.model, step.version);
    const names = inputNames(step, tensors, { names: inputs.map(({ name }) => name), columns });
    const fed = names.map((name) => {
      const tensor = tensors.get(step.inputs[name] ?? name);
      if (tensor === undefined) throw new StrataError("INFERENCE_INVALID", { reason: `step "${step.model}" needs the tensor "${step.inputs[name] ?? name}"; there are ${[...tensors.keys()].join(", ")}`, model: step.model });
      return tensor.name === name ? tensor : { ...tensor, name };
    });
    const { deadlineAtMs, signal, parameters, affinity, requestId } = options;
    const { outputs } = await host.infer({
      model: step.model, inputs: fed, ...(step.version !== undefined && { version: step.version }), ...(requestId !== undefined && { id: requestId }),
      ...(deadlineAtMs !== undefined && { deadlineAtMs }), ...(signal && { signal }), ...(parameters && { parameters }), ...(affinity !== undefined && { routingKey: affinity }),
    });
    return new Map(outputs.map((output) => {
      const name = step.outputs[output.name] ?? output.name;
      return [name, name === output.name ? output : { ...output, name }] as const;
    }));
  };
}

/** A trained model takes one tensor of all features, or a tensor per column: whichever is there. */
function inputNames(step: ModelStep, tensors: Tensors, { names, columns }: { readonly names: readonly string[]; readonly columns: readonly string[] }): readonly string[] {
  if (columns.length === 0 || names.every((name) => tensors.has(step.inputs[name] ?? name))) return names;
  return columns;
}

function compileSequence({ steps }: SequenceStep, place: Place): Run {
  const runs = steps.map((step, at) => compile(step, { ...place, path: `${place.path}.${at}` }));
  const dependencies = dependenciesOf(steps);
  return async (tensors, options) => {
    const made: Promise<Tensors>[] = [];
    for (let at = 0; at < runs.length; at++) {
      const before = dependencies[at]!.map((index) => made[index]!);
      made.push(before.length === 0 ? runs[at]!(tensors, options) : Promise.all(before).then((earlier) => runs[at]!(merged([tensors, ...earlier]), options)));
    }
    return merged(await Promise.all(made));
  };
}

/** Later ones win. */
function merged(maps: readonly Tensors[]): Tensors {
  return maps.length === 1 ? maps[0]! : new Map(maps.flatMap((map) => [...map]));
}

function compileSwitch({ cases, otherwise }: SwitchStep, place: Place): Run {
  const branches = cases.map(({ when, to }, at) => ({ when, run: compile(to, { ...place, path: `${place.path}.cases.${at}` }) }));
  const last = otherwise && compile(otherwise, { ...place, path: `${place.path}.otherwise` });
  return async (tensors, options) => {
    const values: GraphTensors = Object.fromEntries(tensors);
    const chosen = branches.find(({ when }) => when(values))?.run ?? last;
    if (chosen === undefined) throw new StrataError("INFERENCE_INVALID", { reason: `no case of the switch at ${place.path} fits`, model: place.graph.name });
    return chosen(tensors, options);
  };
}

function compileSplitter({ arms }: SplitterStep, place: Place): Run {
  const runs = arms.map(({ to }, at) => compile(to, { ...place, path: `${place.path}.arms.${at}` }));
  const weights = arms.map(({ weight }) => weight);
  const salt = `${place.graph.name}:${place.path}`;
  return (tensors, options) => runs[chooseArm(weights, salt, { key: options.affinity ?? options.requestId, draw: place.host.draw })]!(tensors, options);
}

function compileEnsemble({ members, combine }: EnsembleStep, place: Place): Run {
  const names = Object.keys(members);
  const runs = names.map((name) => compile(members[name]!, { ...place, path: `${place.path}.members.${name}` }));
  return async (tensors, options) => {
    const made = await Promise.all(runs.map((run) => run(tensors, options)));
    return combineTensors(new Map(names.map((name, at) => [name, made[at]!])), combine, place.graph.outputs);
  };
}
