import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBodyMemory } from "./body-memory.ts";

const KIB = 1024;

test("memory given back is used again, for bodies of about the same size", () => {
  const memory = createBodyMemory();
  const first = memory.take(600 * KIB);
  memory.giveBack(first.subarray(8, 600 * KIB)); // a body is a view of what was taken
  assert.equal(memory.take(599 * KIB).buffer, first.buffer);
  assert.notEqual(memory.take(600 * KIB).buffer, first.buffer, "it is in use");
  assert.notEqual(memory.take(10 * KIB).buffer, first.buffer);
});

test("foreign memory, memory given back twice and memory that moved to another thread are left alone", () => {
  const memory = createBodyMemory();
  memory.giveBack(Buffer.alloc(64 * KIB));
  const taken = memory.take(64 * KIB);
  memory.giveBack(taken);
  memory.giveBack(taken);
  assert.equal(memory.take(1).buffer, taken.buffer);
  assert.notEqual(memory.take(1).buffer, taken.buffer);
  structuredClone(taken.buffer, { transfer: [taken.buffer as ArrayBuffer] }); // made by Buffer, so no shared memory
  memory.giveBack(taken);
  assert.equal(memory.take(1).length, 64 * KIB);
});

test("law: nobody gets memory that another still has, and no more is kept than allowed", () => {
  fc.assert(fc.property(fc.array(fc.record({ takes: fc.boolean(), sizeBytes: fc.integer({ min: 1, max: 300 * KIB }), at: fc.nat() }), { maxLength: 60 }), (steps) => {
    const memory = createBodyMemory({ keepBytes: 512 * KIB });
    const held: Buffer[] = [];
    for (const { takes, sizeBytes, at } of steps) {
      if (!takes && held.length > 0) memory.giveBack(held.splice(at % held.length, 1)[0]!);
      else held.push(memory.take(sizeBytes));
      assert.ok(held.every((buffer) => buffer.length > 0));
      assert.equal(new Set(held.map((buffer) => buffer.buffer)).size, held.length);
    }
  }));
});
