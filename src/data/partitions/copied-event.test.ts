import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copyId, createCopyFilter } from "./copied-event.ts";

/**
 * Copiers of one source, each starting at the position that was saved when it took over, some going on after they were
 * replaced, each in order, their appends interleaved at will; the reader restarts from what it stored at will.
 */
test("every event is taken once, whatever dies, comes back or goes on too long", () => {
  const turn = fc.record({ copier: fc.nat(3), steps: fc.integer({ min: 1, max: 5 }), saves: fc.boolean(), isReplaced: fc.boolean(), restarts: fc.boolean() });
  fc.assert(fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
    const log: number[] = [];
    const at = new Map<number, number>([[0, 0]]);
    let saved = 0, current = 0;
    for (const { copier, steps, saves, isReplaced } of turns) {
      const place = at.get(copier);
      if (place === undefined) continue;
      for (let step = 0; step < steps; step++) log.push(place + step);
      at.set(copier, place + steps);
      if (saves && copier === current) saved = Math.max(saved, place + steps); // an older epoch's save is refused
      if (isReplaced) {
        current = (current + 1) % 4;
        at.set(current, saved);
      }
    }
    let stored = {};
    let filter = createCopyFilter(stored);
    const taken: number[] = [];
    log.forEach((offset, index) => {
      if (filter.isNew(copyId({ source: "clicks/1", offset }))) taken.push(offset);
      stored = filter.offsets();
      if (turns[index % turns.length]!.restarts) filter = createCopyFilter(stored);
    });
    assert.deepEqual(taken, Array.from({ length: Math.max(-1, ...log) + 1 }, (_, offset) => offset));
  }));
});
