/**
 * Reads one metadata entry of an ONNX file, which the runtime does not hand out: ModelProto field 14 is a list of
 * (key = 1, value = 2) messages. Everything else, the graph above all, is stepped over by its length.
 */
import { fieldsOf, textOf } from "./protobuf-fields.ts";

const METADATA_FIELD = 14;

/** The entry's value, or undefined when the file has none or cannot be followed. */
export function metadataEntry(model: Uint8Array, key: string): string | undefined {
  for (const { field, bytes } of fieldsOf(model)) {
    if (field !== METADATA_FIELD || bytes === undefined) continue;
    const [name, value] = [1, 2].map((wanted) => [...fieldsOf(bytes)].find((one) => one.field === wanted)?.bytes);
    if (name && value && textOf(name) === key) return textOf(value);
  }
  return undefined;
}
