import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createEventFrames } from "./server-sent-events.ts";
import type { EventFrame } from "./server-sent-events.ts";

const framesOf = (chunks: readonly Buffer[]): readonly EventFrame[] => {
  const frames = createEventFrames();
  const found = chunks.flatMap((chunk) => frames.push(chunk));
  const last = frames.end();
  return last ? [...found, last] : found;
};
const cut = (bytes: Buffer, sizes: readonly number[]): readonly Buffer[] => {
  const chunks: Buffer[] = [];
  for (let at = 0, step = 0; at < bytes.length; step++) {
    const size = sizes[step % sizes.length]! + 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
};

const data = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));

test("law: frames are the same however the bytes are cut, with every line end", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ data, event: fc.constantFrom("", "delta"), comment: fc.boolean(), space: fc.boolean() }), { maxLength: 8 }),
    fc.constantFrom("\n", "\r\n", "\r"), fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 9 }),
    (events, end, sizes) => {
      const text = events.map(({ data: one, event, comment, space }) =>
        `${comment ? `: note${end}` : ""}${event === "" ? "" : `event: ${event}${end}`}data:${space || one.startsWith(" ") ? " " : ""}${one}${end}${end}`).join("");
      const found = framesOf(cut(Buffer.from(text), sizes));
      assert.deepEqual(found.map((frame) => [frame.event, frame.data]), events.map((event) => [event.event, event.data]));
    }), { numRuns: 300 });
});

test("plain frames keep their bytes; others have none", () => {
  const [plain, spaceless, lines] = framesOf([Buffer.from("data: {\"a\":1}\n\ndata:{}\n\ndata: 1\ndata: 2\n\n")]);
  assert.equal(plain?.plain?.toString(), "data: {\"a\":1}\n\n");
  assert.deepEqual([spaceless?.plain, lines?.plain, lines?.data], [undefined, undefined, "1\n2"]);
});

test("a frame without its blank line is found at the end, comments are not", () => {
  assert.deepEqual(framesOf([Buffer.from("data: last")]).map((frame) => frame.data), ["last"]);
  assert.deepEqual(framesOf([Buffer.from(": ping\n\n: ping\n\n")]), []);
});

test("one frame may not grow without bound", () => {
  const frames = createEventFrames({ maximumFrameBytes: 10 });
  assert.throws(() => frames.push(Buffer.from("data: 0123456789")), RangeError);
});
