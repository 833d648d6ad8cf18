import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bodyIsIntact, decodeBatch, encodeBatch, readHeader, sealBatch } from "./record-batch.ts";

const record = fc.record({
  id: fc.string({ unit: "binary", maxLength: 20 }).filter((id) => id.isWellFormed()),
  timeMs: fc.double({ noNaN: true }),
  knownAtMs: fc.double({ noNaN: true }),
  payload: fc.uint8Array({ maxLength: 60 }),
});
const place = fc.record({ baseOffset: fc.nat({ max: 2 ** 52 }), durableOffset: fc.maxSafeNat(), appendedAtMs: fc.double({ noNaN: true }) });
const seed = fc.nat(0xffffffff);

test("a batch comes back as it went in, from any of its records on, only under its own seed", () => {
  fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), place, seed, fc.nat(8), (records, place, seed, from) => {
    const bytes = encodeBatch(records);
    const header = sealBatch(bytes, place, seed);
    assert.deepEqual(readHeader(bytes, 0, seed), header);
    assert.deepEqual([header.baseOffset, header.count, header.sizeBytes % 8], [place.baseOffset, records.length, 0]);
    assert.equal(bodyIsIntact(bytes, header, seed), true);
    const batch = decodeBatch(bytes, header, place.baseOffset + from);
    assert.deepEqual(
      batch.records.map((one) => ({ ...one, payload: [...one.payload] })),
      records.map((one, i) => ({ ...one, payload: [...one.payload], offset: place.baseOffset + i })).slice(from),
    );
    assert.equal(readHeader(bytes, 0, (seed ^ 1) >>> 0), "the batch header's checksum does not hold");
  }));
});

test("every flipped bit is noticed", () => {
  const bytes = encodeBatch([{ id: "a", timeMs: 1, knownAtMs: 2, payload: Buffer.from("xyz") }]);
  const header = sealBatch(bytes, { baseOffset: 5, durableOffset: 5, appendedAtMs: 9 }, 77);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const found = readHeader(damaged, 0, 77);
    assert.ok(typeof found === "string" || !bodyIsIntact(damaged, header, 77), `bit ${bit}`);
  }
});

test("refuses ids that UTF-8 cannot hold", () => {
  const halves = ["\ud83d", "\ude00"].map((id) => ({ id, timeMs: 0, knownAtMs: 0, payload: new Uint8Array() }));
  assert.throws(() => encodeBatch(halves), { code: "REQUEST_INVALID" });
});
