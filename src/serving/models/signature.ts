/**
 * Does a request fit the model? Names, datatypes, shapes and sizes of its tensors against what the model declares;
 * a sentence says which tensor is wrong and why.
 */
import { StrataError } from "../../kernel/errors.ts";
import { elementCount } from "../../kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";

export interface Signature {
  readonly model: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The first dimension of every tensor is the batch, the same for all. */
  readonly isBatchable: boolean;
}

/** The inputs in the model's order. Raises INFERENCE_INVALID. */
export function checkInputs(signature: Signature, tensors: readonly Tensor[]): readonly Tensor[] {
  const { inputs } = signature;
  const isInOrder = tensors.length === inputs.length && tensors.every((tensor, at) => tensor.name === inputs[at]!.name);
  const ordered = isInOrder ? tensors : inOrder(signature, tensors);
  for (let at = 0; at < ordered.length; at++) checkTensor(signature, ordered[at]!, inputs[at]!);
  if (signature.isBatchable) checkRows(signature, ordered);
  return ordered;
}

/** The outputs asked for; undefined: all. Raises INFERENCE_INVALID when one is unknown. */
export function checkOutputs({ model, outputs }: Signature, wanted: readonly string[] | undefined): readonly string[] | undefined {
  if (wanted === undefined || wanted.length === 0) return undefined;
  for (const name of wanted) {
    if (!outputs.some((output) => output.name === name)) refuse(model, `unknown output "${name}"; ${outputs.length === 1 ? "the output is" : "outputs are"} ${namesOf(outputs)}`);
  }
  return wanted;
}

function inOrder({ model, inputs }: Signature, tensors: readonly Tensor[]): readonly Tensor[] {
  const byName = new Map<string, Tensor>();
  for (const tensor of tensors) {
    if (byName.has(tensor.name)) refuse(model, `input "${tensor.name}" is given twice`);
    if (!inputs.some((input) => input.name === tensor.name)) refuse(model, `unknown input "${tensor.name}"; ${inputs.length === 1 ? "the input is" : "inputs are"} ${namesOf(inputs)}`);
    byName.set(tensor.name, tensor);
  }
  const missing = inputs.filter((input) => !byName.has(input.name));
  if (missing.length > 0) refuse(model, `missing input ${namesOf(missing)}`);
  return inputs.map((input) => byName.get(input.name)!);
}

function checkTensor({ model }: Signature, tensor: Tensor, spec: TensorSpec): void {
  const { name, datatype, shape } = tensor;
  if (datatype !== spec.datatype) refuse(model, `input "${name}" has datatype ${datatype}; expected ${spec.datatype}`);
  const fits = shape.length === spec.shape.length && shape.every((size, at) => spec.shape[at] === -1 || spec.shape[at] === size);
  if (!fits) refuse(model, `input "${name}" has shape [${shape.join(",")}]; expected ${shapeText(spec.shape)}`);
  const expected = elementCount(shape);
  if (tensor.data.length !== expected) refuse(model, `input "${name}" has ${tensor.data.length} elements; its shape asks for ${expected}`);
}

function checkRows({ model }: Signature, tensors: readonly Tensor[]): void {
  const rows = tensors[0]?.shape[0] ?? 1;
  if (rows < 1) refuse(model, `input "${tensors[0]!.name}" has no rows`);
  const other = tensors.find((tensor) => tensor.shape[0] !== rows);
  if (other) refuse(model, `input "${other.name}" has ${other.shape[0] ?? "no"} rows and "${tensors[0]!.name}" has ${rows}; they must be the same`);
}

const namesOf = (specs: readonly TensorSpec[]): string => specs.map(({ name }) => `"${name}"`).join(", ");
/** `-1` reads as "any". */
export const shapeText = (shape: readonly number[]): string => `[${shape.map((size) => (size === -1 ? "any" : size)).join(",")}]`;

function refuse(model: string, reason: string): never {
  throw new StrataError("INFERENCE_INVALID", { reason, model });
}
