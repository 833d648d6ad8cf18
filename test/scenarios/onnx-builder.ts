/** Writes small ONNX models in the wire format: a tag is field * 8 + wire type, then a varint or a length and bytes. */
type Bytes = Buffer;

const join = (...parts: readonly Uint8Array[]): Bytes => Buffer.concat(parts);
const varint = (value: number | bigint): Bytes => {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
};
const integer = (field: number, value: number): Bytes => join(varint(field * 8), varint(value));
const float = (field: number, value: number): Bytes => join(varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer));
const bytes = (field: number, value: Uint8Array | string): Bytes => {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  return join(varint(field * 8 + 2), varint(content.length), content);
};

export const ONNX_TYPE = { FLOAT: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, STRING: 8, BOOL: 9, FLOAT16: 10, DOUBLE: 11, UINT32: 12, UINT64: 13 } as const;

export interface ValueInfo {
  readonly name: string;
  readonly type: number;
  /** Text is a dimension of any size. */
  readonly shape: readonly (number | string)[];
}

export type Attribute = number | string | { readonly float: number } | { readonly ints: readonly number[] } | { readonly floats: readonly number[] } | { readonly strings: readonly string[] };

export interface NodeInfo {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

export interface ModelInfo {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly NodeInfo[];
  readonly weights?: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: Float32Array }[];
}

export function onnxBytes({ inputs, outputs, nodes, weights = [] }: ModelInfo): Uint8Array {
  const graph = join(
    ...nodes.map((node) => bytes(1, nodeBytes(node))), bytes(2, "g"),
    ...weights.map(({ name, shape, values }) => bytes(5, join(...shape.map((size) => integer(1, size)), integer(2, ONNX_TYPE.FLOAT), bytes(8, name), bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))))),
    ...inputs.map((value) => bytes(11, valueBytes(value))), ...outputs.map((value) => bytes(12, valueBytes(value))),
  );
  const opset = (domain: string, version: number): Bytes => bytes(8, join(...(domain === "" ? [] : [bytes(1, domain)]), integer(2, version)));
  return new Uint8Array(join(integer(1, 8), bytes(7, graph), opset("", 17), opset("ai.onnx.ml", 3)));
}

function valueBytes({ name, type, shape }: ValueInfo): Bytes {
  const dimensions = shape.map((size) => bytes(1, typeof size === "number" ? integer(1, size) : bytes(2, size)));
  return join(bytes(1, name), bytes(2, bytes(1, join(integer(1, type), bytes(2, join(...dimensions))))));
}

function nodeBytes({ operator, inputs, outputs, attributes = {}, domain }: NodeInfo): Bytes {
  return join(
    ...inputs.map((name) => bytes(1, name)), ...outputs.map((name) => bytes(2, name)), bytes(4, operator),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, join(bytes(1, name), attributeBytes(value)))), ...(domain === undefined ? [] : [bytes(7, domain)]),
  );
}

function attributeBytes(value: Attribute): Bytes {
  if (typeof value === "number") return join(integer(3, value), integer(20, 2));
  if (typeof value === "string") return join(bytes(4, value), integer(20, 3));
  if ("float" in value) return join(float(2, value.float), integer(20, 1));
  if ("ints" in value) return join(...value.ints.map((one) => integer(8, one)), integer(20, 7));
  if ("floats" in value) return join(...value.floats.map((one) => float(7, one)), integer(20, 6));
  return join(...value.strings.map((one) => bytes(9, one)), integer(20, 8));
}

/** x [n, sizes[0]] → y [n, sizes.at(-1)]: layers of Gemm and Relu with weights from the draw. */
export function mlpBytes(sizes: readonly number[], draw: () => number): Uint8Array {
  const layers = sizes.slice(1).map((size, at) => ({ from: sizes[at]!, size, at }));
  return onnxBytes({
    inputs: [{ name: "x", type: ONNX_TYPE.FLOAT, shape: ["n", sizes[0]!] }], outputs: [{ name: "y", type: ONNX_TYPE.FLOAT, shape: ["n", sizes.at(-1)!] }],
    weights: layers.flatMap(({ from, size, at }) => [
      { name: `w${at}`, shape: [from, size], values: Float32Array.from({ length: from * size }, () => (draw() - 0.5) / Math.sqrt(from)) },
      { name: `b${at}`, shape: [size], values: Float32Array.from({ length: size }, () => draw() - 0.5) },
    ]),
    nodes: layers.flatMap(({ at }): NodeInfo[] => {
      const isLast = at === layers.length - 1;
      const input = at === 0 ? "x" : `r${at - 1}`;
      const gemm: NodeInfo = { operator: "Gemm", inputs: [input, `w${at}`, `b${at}`], outputs: [isLast ? "y" : `g${at}`] };
      return isLast ? [gemm] : [gemm, { operator: "Relu", inputs: [`g${at}`], outputs: [`r${at}`] }];
    }),
  });
}
