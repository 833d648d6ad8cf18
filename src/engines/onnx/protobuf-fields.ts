/** The fields of a protobuf message, one after another, without a schema: enough to read the parts of an ONNX file that matter. */
export interface Field {
  readonly field: number;
  /** Varints as numbers (whole up to 2^53), fixed 32 bits as the float they stand for; 0 for what has a length. */
  readonly value: number;
  /** What has a length: text, messages, packed lists. */
  readonly bytes: Uint8Array | undefined;
}

const FIXED32 = 5, FIXED64 = 1, VARINT = 0, LENGTH = 2;

/** Stops at anything malformed. */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const reader = { at: 0 };
  while (reader.at < message.length) {
    const tag = readVarint(message, reader);
    const field = Math.floor(tag / 8), wire = tag % 8;
    if (wire === VARINT) yield { field, value: readVarint(message, reader), bytes: undefined };
    else if (wire === LENGTH) {
      const length = readVarint(message, reader);
      if (!(reader.at + length <= message.length)) return;
      yield { field, value: 0, bytes: message.subarray(reader.at, reader.at + length) };
      reader.at += length;
    } else if (wire === FIXED32) {
      if (reader.at + 4 > message.length) return;
      yield { field, value: view.getFloat32(reader.at, true), bytes: undefined };
      reader.at += 4;
    } else if (wire === FIXED64) reader.at += 8;
    else return;
  }
}

/** NaN past the end; ten bytes hold a negative number. */
function readVarint(message: Uint8Array, reader: { at: number }): number {
  let value = 0;
  for (let factor = 1; reader.at < message.length; factor *= 128) {
    const byte = message[reader.at++]!;
    value += (byte % 128) * factor;
    if (byte < 128) return value >= 2 ** 63 ? value - 2 ** 64 : value;
  }
  return Number.NaN;
}

/** The varints of a packed list. */
export function packedInts(bytes: Uint8Array): readonly number[] {
  const reader = { at: 0 };
  const values: number[] = [];
  while (reader.at < bytes.length) values.push(readVarint(bytes, reader));
  return values;
}

/** The floats of a packed list. */
export function packedFloats(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => view.getFloat32(4 * at, true));
}

const decoder = new TextDecoder();
export const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : decoder.decode(bytes));
