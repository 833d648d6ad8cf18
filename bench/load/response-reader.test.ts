/** The reader finds the same answers however the network cuts the bytes, and refuses what it does not understand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createResponseReader } from "./response-reader.ts";

interface Sent {
  readonly status: number;
  readonly body: string;
  readonly isLast: boolean;
}

const sent: fc.Arbitrary<Sent> = fc.record({ status: fc.constantFrom(200, 202, 404, 503), body: fc.string({ maxLength: 300, unit: "binary" }), isLast: fc.boolean() }, { noNullPrototype: true });

function encode({ status, body, isLast }: Sent): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} x\r\nDate: now\r\nContent-Length: ${bytes.length}${isLast ? "\r\nConnection: close" : ""}\r\n\r\n`), bytes]);
}

function read(bytes: Buffer, cuts: readonly number[]): readonly Sent[] {
  const answers: Sent[] = [];
  const reader = createResponseReader(({ status, body, isLast }) => answers.push({ status, body: body.toString("utf8"), isLast }));
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, end] of places.slice(1).entries()) reader.push(bytes.subarray(places[index], end));
  return answers;
}

test("answers do not depend on how the bytes arrive", () => {
  fc.assert(fc.property(fc.array(sent, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (responses, cuts) => {
    assert.deepEqual(read(Buffer.concat(responses.map(encode)), cuts), responses);
  }));
});

test("byte by byte", () => {
  const response = { status: 200, body: "{\"a\":1}", isLast: false };
  const bytes = encode(response);
  assert.deepEqual(read(bytes, Array.from(bytes, (_, index) => index)), [response]);
});

test("an answer without length or of another protocol is refused", () => {
  for (const text of ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "x".repeat(70_000)]) {
    assert.throws(() => read(Buffer.from(text), []), /response|head/);
  }
  assert.deepEqual(read(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"), []), [{ status: 204, body: "", isLast: false }]);
});
