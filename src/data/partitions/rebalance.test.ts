import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assignUnits, decideLeases } from "./rebalance.ts";
import type { LeaseView } from "./rebalance.ts";

const names = (prefix: string, max: number) => fc.integer({ min: 0, max }).map((count) => Array.from({ length: count }, (_, at) => `${prefix}${at}`));
const snapshot = fc.record({ units: names("u", 40), workers: names("w", 7), pick: fc.array(fc.nat(9), { minLength: 40, maxLength: 40 }) })
  .map(({ units, workers, pick }) => ({ units, workers, owners: new Map(units.flatMap((unit, at) => (pick[at]! > 7 ? [] : [[unit, `w${pick[at]}`] as const]))) }));

test("units are divided evenly, each has one worker, and as few move as evenness takes", () => {
  fc.assert(fc.property(snapshot, ({ units, workers, owners }) => {
    const assigned = assignUnits({ units, workers, owners });
    if (workers.length === 0) return assert.equal(assigned.size, 0);
    assert.deepEqual([...assigned.keys()].toSorted(), units.toSorted());
    const counts = workers.map((worker) => [...assigned.values()].filter((owner) => owner === worker).length);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
    const held = workers.map((worker) => [...owners.values()].filter((owner) => owner === worker).length).toSorted((a, b) => b - a);
    const share = Math.floor(units.length / workers.length);
    const kept = held.reduce((sum, count, at) => sum + Math.min(count, share + (at < units.length % workers.length ? 1 : 0)), 0);
    const stayed = units.filter((unit) => assigned.get(unit) === owners.get(unit)).length;
    assert.equal(stayed, kept, "more moved than had to");
    assert.deepEqual(assignUnits({ units: units.toReversed(), workers: workers.toReversed(), owners: assigned }), assigned, "a balanced state moves");
  }));
});

/** Workers come, go and look in any order; a lease lasts 10 ticks without a look. */
test("whatever workers do, a unit is never held by two, and once they rest every unit is held and evenly", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("look" as const), worker: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("die" as const), worker: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), worker: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), worker: fc.integer({ min: 1, max: 6 }) }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, count) => {
    const units = Array.from({ length: count }, (_, at) => `u${at}`);
    const leases = new Map<string, LeaseView & { epoch: number }>(units.map((unit) => [unit, { unit, worker: "", expiresAtMs: 0, epoch: 0 }]));
    const alive = new Map<string, number>();
    const works = new Map<string, { worker: string; epoch: number }>();
    let nowMs = 0;
    const put = (unit: string, worker: string, taken: boolean): void => {
      const before = leases.get(unit)!;
      leases.set(unit, { unit, worker, expiresAtMs: worker === "" ? 0 : nowMs + 10, epoch: before.epoch + (taken ? 1 : 0) });
    };
    const look = (worker: string): void => {
      alive.set(worker, nowMs + 10);
      const workers = [...alive].filter(([, until]) => until > nowMs).map(([name]) => name);
      const { renew, acquire, release } = decideLeases(worker, { units, workers, leases: [...leases.values()], nowMs });
      for (const unit of renew) put(unit, worker, false);
      for (const unit of release) put(unit, "", false);
      for (const unit of acquire) {
        assert.ok(leases.get(unit)!.worker === "" || leases.get(unit)!.expiresAtMs <= nowMs, "a held unit was taken");
        put(unit, worker, true);
        assert.ok((works.get(unit)?.epoch ?? 0) < leases.get(unit)!.epoch, "an epoch was given twice");
        works.set(unit, { worker, epoch: leases.get(unit)!.epoch });
      }
    };
    for (const { kind, worker } of steps) {
      const name = `w${worker}`;
      if (kind === "look") look(name);
      if (kind === "wait") nowMs += worker;
      if (kind === "die") alive.delete(name);
      if (kind === "leave") for (const lease of leases.values()) if (lease.worker === name) put(lease.unit, "", false);
    }
    nowMs += 11; // the dead are forgotten
    for (let round = 0; round < 3; round++) for (const worker of ["w0", "w1", "w2"]) look(worker);
    const held = ["w0", "w1", "w2"].map((worker) => [...leases.values()].filter((lease) => lease.worker === worker).length);
    assert.equal(held.reduce((a, b) => a + b), count);
    assert.ok(Math.max(...held) - Math.min(...held) <= 1);
  }));
});
