import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "@platformatic/kafka";
import { damageOf, decodeKafkaBatch, encodeKafkaBatch, splitKafkaBatches } from "./record-batch.ts";

const record = fc.record({
  id: fc.string({ unit: "grapheme", maxLength: 80 }), timeMs: fc.double({ noNaN: true }), knownAtMs: fc.double({ noNaN: true }), payload: fc.uint8Array({ maxLength: 300 }),
});
const place = { producerId: 7n, producerEpoch: 1, sequence: 41, appendedAtMs: 1_700_000_000_000 };

test("a batch comes back as it went in, from any of its records on; half a batch is left alone", () => {
  fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 90 }), fc.nat(90), (records, from) => {
    const bytes = encodeKafkaBatch(records, place, crc32c);
    const [batch, ...others] = splitKafkaBatches(Buffer.concat([bytes, bytes.subarray(0, bytes.length - 1)]));
    assert.equal(others.length, 0);
    assert.deepEqual([batch!.count, batch!.sequence, batch!.producerId, batch!.appendedAtMs], [records.length, 41, 7n, place.appendedAtMs]);
    const decoded = decodeKafkaBatch("clicks", batch!, { fromOffset: from, crc32c });
    assert.deepEqual(decoded.records.map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] })), records.map(({ payload, ...rest }, offset) => ({ offset, ...rest, payload: [...payload] })).slice(from));
  }));
});

test("every flipped bit after the checksum is noticed", () => {
  const bytes = encodeKafkaBatch([{ id: "a", timeMs: 1, knownAtMs: 2, payload: Buffer.from("{}") }], place, crc32c);
  for (let bit = 17 * 8; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(damageOf({ ...splitKafkaBatches(bytes)[0]!, bytes: damaged }, crc32c));
  }
});
