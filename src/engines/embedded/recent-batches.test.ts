import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRecentBatches } from "./recent-batches.ts";

test("holds the newest batches that fit, and finds the one of an offset", () => {
  fc.assert(fc.property(fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), sizeBytes: fc.integer({ min: 1, max: 40 }) })), fc.nat(100), (batches, maxBytes) => {
    const recent = createRecentBatches(maxBytes);
    let nextOffset = 0;
    const pushed = batches.map(({ count, sizeBytes }) => {
      const header = { sizeBytes, count, baseOffset: nextOffset, durableOffset: nextOffset, appendedAtMs: 0, idBytes: 0 };
      recent.push({ header, bytes: Buffer.alloc(sizeBytes) });
      nextOffset += count;
      return header;
    });
    const newerBytes = (from: number): number => pushed.slice(from).reduce((sum, header) => sum + header.sizeBytes, 0);
    for (const [i, header] of pushed.entries()) {
      for (let offset = header.baseOffset; offset < header.baseOffset + header.count; offset++) {
        assert.deepEqual(recent.find(offset)?.header, newerBytes(i) <= maxBytes ? header : undefined);
      }
    }
    assert.equal(recent.find(nextOffset), undefined);
  }));
});
