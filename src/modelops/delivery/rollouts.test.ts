import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import type { RolloutAdvance } from "./rollout-advance.ts";
import { createRollouts } from "./rollouts.ts";
import { decided } from "./rollout-state.ts";
import type { NewRollout, RolloutState } from "./rollout-state.ts";

const NEW: NewRollout = { model: "ranker", endpoint: "recommend", challenger: 2, champion: 1, reason: "Version 2 passed 2 gates." };
const hasCode = (code: ErrorCode, text = "") => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && thrown.message.includes(text);

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), "strata-rollouts-"));
  const clock = createManualClock(1_000);
  const ids = createIdSource(clock, createRandom(1).next);
  const open = async () => {
    const database = await openDomainDatabase({ file: join(folder, "strata.db") });
    const rollouts = createRollouts({ database, clock, ids });
    await rollouts.open();
    return { database, rollouts };
  };
  return { clock, open, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

const startCanary = (state: RolloutState): RolloutAdvance => ({
  action: "start-canary", reason: "Healthy.",
  state: decided(state, { timeMs: 2_000, action: "start-canary", phase: "canary", share: 0.2, reason: "Healthy.", observed: { requests: 100 }, verdict: null }),
});
const nothing = (state: RolloutState): RolloutAdvance => ({ action: "none", reason: "Waits.", state });

test("a rollout and its decisions survive a restart", async () => {
  await using store = await openStore();
  const first = await store.open();
  const { id } = await first.rollouts.start(NEW);
  const advanced = await first.rollouts.advance(id, startCanary);
  await first.rollouts.advance(id, nothing);
  await first.database.close();

  const second = await store.open();
  assert.deepEqual(await second.rollouts.active(), [advanced.state]);
  assert.deepEqual(await second.rollouts.activeOf("ranker"), advanced.state);
  assert.deepEqual(advanced.state.decisions.map((decision) => [decision.action, decision.reason]), [["start", "Version 2 passed 2 gates."], ["start-canary", "Healthy."]]);
  store.clock.set(3_000);
  const cancelled = await second.rollouts.cancel(id, "Ann stopped it.");
  assert.deepEqual([cancelled.phase, cancelled.phaseStartedAtMs], ["cancelled", 3_000]);
  assert.deepEqual(await second.rollouts.cancel(id, "Again."), cancelled);
  assert.deepEqual(await second.rollouts.rollout(id), cancelled);
  assert.deepEqual(await second.rollouts.active(), []);
  assert.equal(await second.rollouts.activeOf("ranker"), undefined);
  await second.database.close();
});

test("a model and an endpoint have one rollout at a time, also when two start at once", async () => {
  await using store = await openStore();
  const { rollouts, database } = await store.open();
  const results = await Promise.allSettled([rollouts.start(NEW), rollouts.start({ ...NEW, challenger: 3 })]);
  assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected"]);
  await assert.rejects(rollouts.start({ ...NEW, endpoint: "other" }), hasCode("ROLLOUT_ACTIVE", "of version 2 is in its shadow phase at endpoint \"recommend\""));
  await assert.rejects(rollouts.start({ ...NEW, model: "other" }), hasCode("ROLLOUT_ACTIVE", "version 2 of \"other\" was started"));
  const other = await rollouts.start({ ...NEW, model: "other", endpoint: "other" });
  const [first] = await rollouts.active();
  await rollouts.cancel(first!.id, "Stopped.");
  const next = await rollouts.start({ ...NEW, challenger: 4 });
  assert.deepEqual((await rollouts.active()).map((rollout) => rollout.id), [other.id, next.id]);
  await database.close();
});

test("a decision that throws leaves the rollout as it was; two at once see each other's state", async () => {
  await using store = await openStore();
  const { rollouts, database } = await store.open();
  const started = await rollouts.start(NEW);
  await assert.rejects(rollouts.advance(started.id, () => {
    throw new Error("no numbers");
  }), /no numbers/);
  assert.deepEqual(await rollouts.rollout(started.id), started);
  const phases: string[] = [];
  const note = (state: RolloutState): RolloutAdvance => {
    phases.push(state.phase);
    return state.phase === "shadow" ? startCanary(state) : nothing(state);
  };
  await Promise.all([rollouts.advance(started.id, note), rollouts.advance(started.id, note)]);
  assert.deepEqual(phases, ["shadow", "canary"]);
  assert.equal((await rollouts.rollout(started.id)).decisions.length, 2);
  await assert.rejects(rollouts.advance("nope", nothing), hasCode("NOT_FOUND", "no rollout named \"nope\""));
  await database.close();
});

test("rollouts are listed newest first and paged", async () => {
  await using store = await openStore();
  const { rollouts, database } = await store.open();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { id } = await rollouts.start({ ...NEW, challenger: i + 2 });
    await rollouts.cancel(id, "Stopped.");
    ids.push(id);
  }
  const first = await rollouts.list({ limit: 3 });
  const second = await rollouts.list({ limit: 3, cursor: first.nextCursor! });
  assert.deepEqual([...first.rollouts, ...second.rollouts].map((rollout) => rollout.id), ids.toReversed());
  assert.equal(second.nextCursor, undefined);
  assert.deepEqual((await rollouts.list({ limit: 3, model: "other" })).rollouts, []);
  assert.equal((await rollouts.list({ limit: 9, endpoint: "recommend" })).rollouts.length, 5);
  await assert.rejects(rollouts.list({ limit: 1.5 }), hasCode("REQUEST_INVALID"));
  await database.close();
});
