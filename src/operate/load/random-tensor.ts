/** Random tensors that fit what a model declares. */
import { elementCount, isDatatype } from "../../kernel/tensor.ts";
import type { Datatype, Tensor, TensorData, TensorSpec } from "../../kernel/tensor.ts";
import type { Random } from "../../kernel/random.ts";

/** Small enough for any table of embeddings or categories. */
const INTEGERS = 10;
const TEXT_BYTES = 12;

/** The first open dimension becomes the rows, further ones 1, unless `dimensions` says otherwise (by input's name). */
export interface TensorSizes {
  readonly rows: number;
  readonly dimensions?: Readonly<Record<string, readonly number[]>>;
}

export function randomTensor(spec: TensorSpec, sizes: TensorSizes, random: Random): Tensor {
  const shape = shapeOf(spec, sizes);
  return { name: spec.name, datatype: spec.datatype, shape, data: randomData(spec.datatype, elementCount(shape), random) };
}

/** A model's declared shapes include the batch; a server that leaves it out (Triton's configuration, not its metadata) does not work here. */
export function shapeOf(spec: TensorSpec, { rows, dimensions }: TensorSizes): readonly number[] {
  const given = dimensions?.[spec.name];
  if (given !== undefined) return given;
  const open = spec.shape.findIndex((size) => size < 0);
  return spec.shape.map((size, index) => (size >= 0 ? size : index === open ? rows : 1));
}

function randomData(datatype: Datatype, count: number, random: Random): TensorData {
  const numbers = (make: () => number): number[] => Array.from({ length: count }, make);
  const integers = (): number[] => numbers(() => random.integer(INTEGERS));
  switch (datatype) {
    case "BOOL": return Uint8Array.from(numbers(() => random.integer(2)));
    case "UINT8": return Uint8Array.from(integers());
    case "UINT16": return Uint16Array.from(integers());
    case "UINT32": return Uint32Array.from(integers());
    case "UINT64": return BigUint64Array.from(integers().map(BigInt));
    case "INT8": return Int8Array.from(integers());
    case "INT16": return Int16Array.from(integers());
    case "INT32": return Int32Array.from(integers());
    case "INT64": return BigInt64Array.from(integers().map(BigInt));
    // Bits of numbers between 1 and 2, and their negatives.
    case "FP16": return Uint16Array.from(numbers(() => (random.integer(2) << 15) | 0x3c00 | random.integer(0x400)));
    case "BF16": return Uint16Array.from(numbers(() => (random.integer(2) << 15) | 0x3f80 | random.integer(0x80)));
    case "FP32": return Float32Array.from(numbers(() => random.normal()));
    case "FP64": return Float64Array.from(numbers(() => random.normal()));
    case "BYTES": return Array.from({ length: count }, () => Buffer.from(Array.from({ length: TEXT_BYTES }, () => 97 + random.integer(26))));
  }
}

/** Reads the inputs of a model's metadata answer (GET /v2/models/{model}); undefined when it is not one. */
export function inputsOf(metadata: unknown): readonly TensorSpec[] | undefined {
  const inputs = typeof metadata === "object" && metadata !== null && "inputs" in metadata ? metadata.inputs : undefined;
  if (!Array.isArray(inputs)) return undefined;
  const specs = inputs.flatMap((input: unknown) => {
    if (typeof input !== "object" || input === null || !("name" in input) || !("datatype" in input) || !("shape" in input)) return [];
    const { name, datatype, shape } = input;
    if (typeof name !== "string" || typeof datatype !== "string" || !isDatatype(datatype) || !Array.isArray(shape)) return [];
    return [{ name, datatype, shape: shape.map(Number) }];
  });
  return specs.length === inputs.length && specs.length > 0 ? specs : undefined;
}
