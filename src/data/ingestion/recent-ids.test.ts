import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createIdHash } from "./id-hash.ts";
import type { IdHash } from "./id-hash.ts";
import { createRecentIds } from "./recent-ids.ts";

const hash = createIdHash(0x1234_5678, -0x0fed_cba9);
const hashOf = (id: string, by: IdHash = hash): readonly number[] => {
  const words = new Uint32Array(3);
  by(id, words);
  return [...words];
};

test("the last ids are known, whatever was claimed and released before", () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 40 }), kind: fc.constantFrom("claim", "claim", "claim", "release") });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, capacity) => {
    const ids = createRecentIds(capacity, hash);
    let claimed: string[] = []; // every claim of a new id, newest last
    const released = new Set<string>();
    for (const [at, { id, kind }] of steps.entries()) {
      const text = `id-${id}`;
      if (kind === "release") {
        ids.release(text);
        released.add(text);
        continue;
      }
      const holder = ids.claim(text, at + 1);
      const isReleased = released.delete(text);
      if (!isReleased && claimed.slice(-capacity).includes(text)) assert.notEqual(holder, 0, "forgot one of the last ids");
      if (isReleased || !claimed.includes(text)) assert.equal(holder, 0, "knows an id that nobody holds");
      if (holder === 0) claimed = [...claimed, text];
      assert.equal(ids.claim(text, at + 1000), holder === 0 ? at + 1 : holder, "the holder changed");
    }
  }), { numRuns: 300 });
});

test("ten thousand ids more than twice the capacity: the newest are known, the oldest forgotten", () => {
  const ids = createRecentIds(20_000, hash);
  for (let n = 0; n < 50_000; n++) assert.equal(ids.claim(`order/${n}`, 1), 0);
  for (let n = 30_000; n < 50_000; n++) assert.equal(ids.claim(`order/${n}`, 2), 1);
  for (let n = 0; n < 10_000; n++) assert.equal(ids.claim(`order/${n}`, 3), 0);
});

test("hashes tell apart what looks alike and depend on the key", () => {
  const alike = ["", "\0", "\0\0", "a", "a\0", "a\0\0", "ab", "ba", "abc", "a\u0100", "Ā", "é", "e\u0301", "a".repeat(99), "a".repeat(100)];
  assert.equal(new Set(alike.map((id) => hashOf(id).join())).size, alike.length);
  assert.notDeepEqual(hashOf("a"), hashOf("a", createIdHash(0x1234_5678, -0x0fed_cba8)));
});

test("every bit of an id moves half of the 96 bits, and each word alone is as good as chance", () => {
  let flips = 0, trials = 0;
  for (let n = 0; n < 200; n++) {
    const id = `2026-01-${n}-order`;
    for (let at = 0; at < id.length; at++) {
      const near = id.slice(0, at) + String.fromCharCode(id.charCodeAt(at) ^ 1) + id.slice(at + 1);
      const [a, b] = [hashOf(id), hashOf(near)];
      for (let word = 0; word < 3; word++) flips += ones(a[word]! ^ b[word]!);
      trials += 96;
    }
  }
  assert.ok(Math.abs(flips / trials - 0.5) < 0.005, `${flips / trials}`); // 0.0005 is one standard deviation
  for (let word = 0; word < 3; word++) {
    const seen = new Set(Array.from({ length: 100_000 }, (_, n) => hashOf(`L${n}`)[word]));
    assert.ok(100_000 - seen.size < 10, `${100_000 - seen.size} collisions in word ${word}; chance gives 1.2`);
  }
});

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
