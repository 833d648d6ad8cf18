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

interface Encoded extends Sent {
  /** Sizes of the chunks; by Content-Length when undefined. */
  readonly chunks: readonly number[] | undefined;
}

const sent: fc.Arbitrary<Encoded> = fc.record({
  status: fc.constantFrom(200, 202, 404, 503), body: fc.string({ maxLength: 300, unit: "binary" }), isLast: fc.boolean(),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }), { nil: undefined }),
}, { noNullPrototype: true });

function encode({ status, body, isLast, chunks }: Encoded): Buffer {
  const bytes = Buffer.from(body);
  const head = (framing: string): string => `HTTP/1.1 ${status} x\r\nDate: now\r\n${framing}${isLast ? "\r\nConnection: close" : ""}\r\n\r\n`;
  if (chunks === undefined) return Buffer.concat([Buffer.from(head(`Content-Length: ${bytes.length}`)), bytes]);
  const parts: Buffer[] = [Buffer.from(head("Transfer-Encoding: chunked"))];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const part = bytes.subarray(at, at + chunks[turn % chunks.length]!);
    parts.push(Buffer.from(`${part.length.toString(16)}${turn % 2 === 0 ? "" : ";note=1"}\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  return Buffer.concat([...parts, Buffer.from("0\r\nX-Checksum: 1\r\n\r\n")]);
}

function read(bytes: Buffer, cuts: readonly number[], isEnded = false): readonly Sent[] {
  const answers: Sent[] = [];
  let head = { status: 0, isLast: false };
  let body: Buffer[] = [];
  const reader = createResponseReader({
    onHead: (next) => { head = { status: next.status, isLast: next.isLast }; },
    onBody: (piece) => body.push(Buffer.from(piece)),
    onEnd: () => {
      answers.push({ ...head, body: Buffer.concat(body).toString("utf8") });
      body = [];
    },
  });
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, end] of places.slice(1).entries()) reader.push(bytes.subarray(places[index], end));
  if (isEnded) reader.end();
  return answers;
}

test("answers do not depend on how the bytes arrive", () => {
  fc.assert(fc.property(fc.array(sent, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (responses, cuts) => {
    assert.deepEqual(read(Buffer.concat(responses.map(encode)), cuts), responses.map(({ status, body, isLast }) => ({ status, body, isLast })));
  }), { numRuns: 300 });
});

test("byte by byte", () => {
  const response = { status: 200, body: "{\"a\":1}", isLast: false };
  for (const chunks of [undefined, [2, 3]]) {
    const bytes = encode({ ...response, chunks });
    assert.deepEqual(read(bytes, Array.from(bytes, (_, index) => index)), [response]);
  }
});

test("a body without length ends with the connection; interim responses are passed over", () => {
  const text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nabc";
  assert.deepEqual(read(Buffer.from(text), [], true), [{ status: 200, body: "abc", isLast: true }]);
  assert.deepEqual(read(Buffer.from(text), []), [], "not before it ends");
});

test("what is no response is refused", () => {
  for (const text of ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "x".repeat(70_000), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"]) {
    assert.throws(() => read(Buffer.from(text), []), /response|head/);
  }
  assert.deepEqual(read(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"), []), [{ status: 204, body: "", isLast: false }]);
});
