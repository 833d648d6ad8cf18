/**
 * A TypeScript function as a model. It runs on the calling thread; what it answers is checked against what it
 * declares, because a wrong length would otherwise reach other callers of the same batch.
 */
import type { FunctionSource, TensorValue } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Tensor, TensorData, TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel } from "../../ports/inference-model.ts";
import { shapeText } from "./signature.ts";

export function createFunctionModel(source: FunctionSource, name: string): InferenceModel {
  let isClosed = false;
  return {
    platform: "strata_function", inputs: source.inputs, outputs: source.outputs, isBatchable: source.isBatchable,
    concurrency: 1, memoryBytes: 0,
    infer: async (inputs, options) => {
      if (isClosed) throw new StrataError("CLOSED", { what: `Model "${name}"` });
      const values: Record<string, TensorValue> = {};
      for (const { name: input, shape, data } of inputs) values[input] = { shape, data };
      const answered = source.infer(values, { parameters: options?.parameters ?? {} });
      return outputsOf(source.outputs, answered instanceof Promise ? await answered : answered, options?.wanted);
    },
    close: async () => { isClosed = true; },
  };
}

/** The declared outputs of an answer; an Error says which does not fit. */
export function outputsOf(specs: readonly TensorSpec[], answer: Readonly<Record<string, TensorValue>>, wanted?: readonly string[]): readonly Tensor[] {
  const given = wanted === undefined ? specs : specs.filter(({ name }) => wanted.includes(name));
  return given.map((spec) => {
    const value = answer[spec.name];
    if (value === undefined) throw new TypeError(`it gave no output "${spec.name}"`);
    const { shape, data } = value;
    if (!isDataOf(spec, data)) throw new TypeError(`output "${spec.name}" is no data of ${spec.datatype}`);
    const fits = shape.length === spec.shape.length && shape.every((size, at) => spec.shape[at] === -1 || spec.shape[at] === size);
    if (!fits) throw new TypeError(`output "${spec.name}" has shape [${shape.join(",")}]; it declares ${shapeText(spec.shape)}`);
    if (elementCount(shape) !== data.length) throw new TypeError(`output "${spec.name}" has ${data.length} elements; its shape [${shape.join(",")}] asks for ${elementCount(shape)}`);
    return { name: spec.name, datatype: spec.datatype, shape, data };
  });
}

function isDataOf({ datatype }: TensorSpec, data: TensorData): boolean {
  const { array } = DATATYPES[datatype];
  return array === undefined ? Array.isArray(data) : data instanceof array;
}
