/** The messages of onnx.proto3 (github.com/onnx/onnx, IR version 8) that a tree model is made of, by field number. */
import { bytesField, floatsField, integerField, integersField, message, textField } from "./protobuf-writer.ts";

const IR_VERSION = 8;
/** ai.onnx 17 and ai.onnx.ml 1: what onnxruntime 1.13 and later read, and every operator used here is in them. */
const OPERATOR_SETS = [{ domain: "", version: 17 }, { domain: "ai.onnx.ml", version: 1 }] as const;
const FLOAT = 1;

/** AttributeProto.AttributeType */
const ATTRIBUTE = { integer: 2, text: 3, floats: 6, integers: 7, texts: 8 } as const;

const attribute = (name: string, type: number, ...values: readonly Uint8Array[]): Uint8Array => message(textField(1, name), ...values, integerField(20, type));
export const integerAttribute = (name: string, value: number): Uint8Array => attribute(name, ATTRIBUTE.integer, integerField(3, value));
export const textAttribute = (name: string, value: string): Uint8Array => attribute(name, ATTRIBUTE.text, textField(4, value));
export const floatsAttribute = (name: string, values: readonly number[]): Uint8Array => attribute(name, ATTRIBUTE.floats, floatsField(7, values));
export const integersAttribute = (name: string, values: readonly number[]): Uint8Array => attribute(name, ATTRIBUTE.integers, integersField(8, values));
export const textsAttribute = (name: string, values: readonly string[]): Uint8Array => attribute(name, ATTRIBUTE.texts, ...values.map((value) => textField(9, value)));

export interface OnnxNode {
  readonly operator: string;
  readonly domain?: string;
  readonly input: string;
  readonly output: string;
  readonly attributes: readonly Uint8Array[];
}

const nodeMessage = ({ operator, domain = "", input, output, attributes }: OnnxNode): Uint8Array =>
  message(textField(1, input), textField(2, output), textField(3, output), textField(4, operator), ...attributes.map((one) => bytesField(5, one)), textField(7, domain));

/** A float tensor of a free number of rows. */
function valueMessage(name: string, columns: number): Uint8Array {
  const shape = message(bytesField(1, textField(2, "rows")), bytesField(1, integerField(1, columns)));
  const tensor = message(integerField(1, FLOAT), bytesField(2, shape));
  return message(textField(1, name), bytesField(2, bytesField(1, tensor)));
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly input: { readonly name: string; readonly columns: number };
  readonly output: { readonly name: string; readonly columns: number };
  readonly metadata: Readonly<Record<string, string>>;
}

/** A ModelProto. */
export function modelMessage({ nodes, input, output, metadata }: OnnxGraph): Uint8Array {
  const graph = message(
    ...nodes.map((node) => bytesField(1, nodeMessage(node))), textField(2, "ensemble"),
    bytesField(11, valueMessage(input.name, input.columns)), bytesField(12, valueMessage(output.name, output.columns)),
  );
  return message(
    integerField(1, IR_VERSION), textField(2, "strata"), bytesField(7, graph),
    ...OPERATOR_SETS.map(({ domain, version }) => bytesField(8, message(textField(1, domain), integerField(2, version)))),
    ...Object.entries(metadata).map(([key, value]) => bytesField(14, message(textField(1, key), textField(2, value)))),
  );
}
