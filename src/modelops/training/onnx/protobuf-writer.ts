/**
 * The part of the Protocol Buffers wire format that writing a model needs: fields as byte strings, joined by their
 * message (protobuf.dev/programming-guides/encoding). Field numbers come from the schema that is written.
 */

const VARINT = 0, BYTES = 2, FIXED32 = 5;

/** A message: its fields in order. */
export function message(...fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += field.length;
  }
  return bytes;
}

/** An integer field; the value must be a whole number from 0 to 2^53 - 1. */
export const integerField = (number: number, value: number): Uint8Array => Uint8Array.from([...varint(number * 8 + VARINT), ...varint(value)]);

export function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return message(Uint8Array.from([...varint(number * 8 + BYTES), ...varint(bytes.length)]), bytes);
}

export const textField = (number: number, text: string): Uint8Array => bytesField(number, new TextEncoder().encode(text));

/** A packed list of float32. */
export function floatsField(number: number, values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return bytesField(number, new Uint8Array(view.buffer));
}

export function floatField(number: number, value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return message(Uint8Array.from(varint(number * 8 + FIXED32)), new Uint8Array(view.buffer));
}

/** A packed list of integers, each as in integerField. */
export const integersField = (number: number, values: readonly number[]): Uint8Array => bytesField(number, Uint8Array.from(values.flatMap((value) => varint(value))));

/** Seven bits a byte, lowest first; arithmetic instead of shifts, which stop at 32 bits. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}
