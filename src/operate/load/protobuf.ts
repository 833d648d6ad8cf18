/**
 * The part of Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding) that Open Inference calls need:
 * length-delimited fields and varints. Requests are encoded once before the load, so there is no library under it.
 */
type Field = { readonly number: number; readonly value: bigint | Uint8Array };

/** A field with text, bytes or an embedded message. */
export function bytesField(number: number, value: string | Uint8Array): Uint8Array {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

/** Packed int64, as `repeated int64` is encoded in proto3. */
export function packedField(number: number, values: readonly number[]): Uint8Array {
  return bytesField(number, Buffer.concat(values.map(varint)));
}

export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** Top-level fields of a message, in order; throws on bytes that are no message. */
export function readFields(message: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const [tag, afterTag] = readVarint(message, at);
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) {
      const [value, end] = readVarint(message, afterTag);
      fields.push({ number, value });
      at = end;
    } else {
      const [length, start] = wire === 2 ? readVarint(message, afterTag) : [wire === 1 ? 8n : 4n, afterTag];
      if ((wire !== 1 && wire !== 2 && wire !== 5) || start + Number(length) > message.length) throw new Error("not a protobuf message");
      fields.push({ number, value: message.subarray(start, start + Number(length)) });
      at = start + Number(length);
    }
  }
  return fields;
}

/** Values of a repeated integer field, packed or not. */
export function readPacked(fields: readonly Field[], number: number): readonly number[] {
  return fields.filter((field) => field.number === number).flatMap(({ value }) => {
    if (typeof value === "bigint") return [Number(BigInt.asIntN(64, value))];
    const values: number[] = [];
    for (let at = 0; at < value.length;) {
      const [next, end] = readVarint(value, at);
      values.push(Number(BigInt.asIntN(64, next)));
      at = end;
    }
    return values;
  });
}

export function readTexts(fields: readonly Field[], number: number): readonly string[] {
  return readMessages(fields, number).map((value) => Buffer.from(value).toString("utf8"));
}

export function readMessages(fields: readonly Field[], number: number): readonly Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && typeof field.value !== "bigint" ? [field.value] : []));
}

function readVarint(bytes: Uint8Array, start: number): readonly [value: bigint, end: number] {
  let value = 0n;
  for (let at = start, shift = 0n; at < bytes.length && shift < 70n; at++, shift += 7n) {
    value |= BigInt(bytes[at]! & 127) << shift;
    if (bytes[at]! < 128) return [value, at + 1];
  }
  throw new Error("not a protobuf message: a number does not end");
}
