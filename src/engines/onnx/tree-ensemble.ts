/**
 * Reads a file that is nothing but a tree ensemble (one TreeEnsembleRegressor of ai.onnx.ml, perhaps with a Sigmoid or
 * Softmax behind it) as plain attributes. With anything else in the graph it is not one.
 */
import type { TensorSpec } from "../../kernel/tensor.ts";
import { fieldsOf, packedFloats, packedInts, textOf } from "./protobuf-fields.ts";

export interface TreeEnsemble {
  readonly input: TensorSpec;
  readonly output: TensorSpec;
  readonly finish: "Sigmoid" | "Softmax" | undefined;
  readonly ints: ReadonlyMap<string, readonly number[]>;
  readonly floats: ReadonlyMap<string, readonly number[]>;
  readonly texts: ReadonlyMap<string, readonly string[]>;
}

/** Numbers of fields in onnx.proto. */
const MODEL = { graph: 7 }, GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5, domain: 7 }, ATTRIBUTE = { name: 1, float: 2, int: 3, text: 4, floats: 7, ints: 8, texts: 9 };
const FLOAT = 1;

/** undefined when the file is anything else, or has something that this reader does not know. */
export function readTreeEnsemble(model: Uint8Array): TreeEnsemble | undefined {
  const graph = only(model, MODEL.graph);
  if (graph === undefined) return undefined;
  const fields = [...fieldsOf(graph)];
  const all = (field: number): readonly Uint8Array[] => fields.flatMap((one) => (one.field === field && one.bytes ? [one.bytes] : []));
  const [node, finish, ...others] = all(GRAPH.node).map(readNode);
  const inputs = all(GRAPH.input).map(valueOf), outputs = all(GRAPH.output).map(valueOf);
  const [input] = inputs, [output] = outputs;
  if (node === undefined || others.length > 0 || inputs.length !== 1 || outputs.length !== 1 || all(GRAPH.initializer).length > 0) return undefined;
  if (node.operator !== "TreeEnsembleRegressor" || node.domain !== "ai.onnx.ml" || !isFinish(finish, node.outputs[0])) return undefined;
  if (input?.type !== FLOAT || input.name !== node.inputs[0] || input.shape.length !== 2 || input.shape[0] !== -1 || input.shape[1]! < 1) return undefined;
  if (output?.type !== FLOAT || output.name !== (finish ?? node).outputs[0] || output.shape.length !== 2 || output.shape[0] !== -1) return undefined;
  return {
    input: { name: input.name, datatype: "FP32", shape: input.shape }, output: { name: output.name, datatype: "FP32", shape: output.shape },
    finish: finish?.operator as TreeEnsemble["finish"], ints: node.ints, floats: node.floats, texts: node.texts, // isFinish knows the operator
  };
}

function isFinish(node: ReturnType<typeof readNode> | undefined, input: string | undefined): boolean {
  return node === undefined || ((node.operator === "Sigmoid" || node.operator === "Softmax") && node.inputs[0] === input && node.ints.size === 0);
}

function only(message: Uint8Array, field: number): Uint8Array | undefined {
  return [...fieldsOf(message)].find((one) => one.field === field)?.bytes;
}

interface Value { readonly name: string; readonly type: number; readonly shape: readonly number[] }

/** ValueInfoProto: name 1, type 2 → tensor 1 → element type 1, shape 2 → dimension 1 → value 1. */
function valueOf(message: Uint8Array): Value | undefined {
  const tensor = only(only(message, 2) ?? new Uint8Array(0), 1);
  if (tensor === undefined) return undefined;
  const dimensions = [...fieldsOf(only(tensor, 2) ?? new Uint8Array(0))].map(({ bytes }) => [...fieldsOf(bytes ?? new Uint8Array(0))].find(({ field }) => field === 1)?.value ?? -1);
  return { name: textOf(only(message, 1)), type: [...fieldsOf(tensor)].find(({ field }) => field === 1)?.value ?? 0, shape: dimensions };
}

function readNode(message: Uint8Array) {
  const ints = new Map<string, readonly number[]>(), floats = new Map<string, readonly number[]>(), texts = new Map<string, readonly string[]>();
  const fields = [...fieldsOf(message)];
  const names = (field: number): readonly string[] => fields.filter((one) => one.field === field).map(({ bytes }) => textOf(bytes));
  for (const { field, bytes } of fields) {
    if (field !== NODE.attribute || bytes === undefined) continue;
    const attribute = [...fieldsOf(bytes)];
    const name = textOf(attribute.find((one) => one.field === ATTRIBUTE.name)?.bytes);
    ints.set(name, attribute.flatMap((one) => (one.field === ATTRIBUTE.int ? [one.value] : one.field === ATTRIBUTE.ints ? (one.bytes ? packedInts(one.bytes) : [one.value]) : [])));
    floats.set(name, attribute.flatMap((one) => (one.field === ATTRIBUTE.float ? [one.value] : one.field === ATTRIBUTE.floats ? (one.bytes ? packedFloats(one.bytes) : [one.value]) : [])));
    texts.set(name, attribute.flatMap((one) => (one.field === ATTRIBUTE.text || one.field === ATTRIBUTE.texts ? [textOf(one.bytes)] : [])));
  }
  return { inputs: names(NODE.input), outputs: names(NODE.output), operator: names(NODE.operator)[0], domain: names(NODE.domain)[0] ?? "", ints, floats, texts };
}
