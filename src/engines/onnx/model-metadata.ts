/**
 * Reads one metadata entry of an ONNX file, which the runtime does not hand out: ModelProto field 14 is a list of
 * (key = 1, value = 2) messages. Everything else, the graph above all, is stepped over by its length.
 */

const METADATA_FIELD = 14;

/** The entry's value, or undefined when the file has none or cannot be followed. */
export function metadataEntry(model: Uint8Array, key: string): string | undefined {
  for (const { field, bytes } of fieldsOf(model)) {
    if (field !== METADATA_FIELD) continue;
    const [name, value] = [1, 2].map((wanted) => [...fieldsOf(bytes)].find((one) => one.field === wanted)?.bytes);
    if (name && value && new TextDecoder().decode(name) === key) return new TextDecoder().decode(value);
  }
  return undefined;
}

interface Field { readonly field: number; readonly bytes: Uint8Array }

/** The length-delimited fields of a message; stops at anything malformed. */
function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at++]!;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === 2) {
      const length = varint();
      if (!(at + length <= message.length)) return;
      yield { field: Math.floor(tag / 8), bytes: message.subarray(at, at + length) };
      at += length;
    } else if (wire === 0) varint();
    else if (wire === 5) at += 4;
    else if (wire === 1) at += 8;
    else return;
  }
}
