import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { createDecisionLog } from "./decision-log.ts";
import type { DecisionKind } from "./decision-log.ts";

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), "strata-decisions-"));
  const clock = createManualClock(1_000);
  const open = async () => {
    const database = await openDomainDatabase({ file: join(folder, "strata.db") });
    const log = createDecisionLog({ database, clock });
    await log.open();
    return { database, log };
  };
  return { clock, open, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

const decision = (kind: DecisionKind, subject: string) => ({ kind, subject, verdict: "blocked", reason: "The budget of 3 is spent." });

test("decisions are numbered, kept across a restart and listed newest first", async () => {
  await using store = await openStore();
  const first = await store.open();
  const entry = await first.log.append({ kind: "trigger", subject: "ranker", verdict: "retrain", reason: "3 features drifted.", details: { psi: [0.3, Number.NaN], skipped: undefined } });
  assert.deepEqual(entry, { sequence: 1, timeMs: 1_000, kind: "trigger", subject: "ranker", verdict: "retrain", reason: "3 features drifted.", details: { psi: [0.3, null] } });
  await first.database.close();
  store.clock.advance(500);
  const { log, database } = await store.open();
  assert.deepEqual((await log.append(decision("alert", "recommend"))).details, null);
  const { decisions, nextCursor } = await log.list({ limit: 10 });
  assert.deepEqual([decisions.map((item) => [item.sequence, item.timeMs]), nextCursor], [[[2, 1_500], [1, 1_000]], undefined]);
  assert.deepEqual(decisions[1], entry);
  await database.close();
});

test("pages neither repeat nor miss an entry while new ones arrive, and filters apply to every page", async () => {
  await using store = await openStore();
  const { log, database } = await store.open();
  await Promise.all(Array.from({ length: 9 }, (_, index) => log.append(decision(index % 3 === 0 ? "gate" : "alias", index < 6 ? "ranker" : "other"))));
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await log.list({ limit: 2, kind: "alias", ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.decisions.map((item) => item.sequence));
    cursor = page.nextCursor;
    await log.append(decision("alias", "ranker"));
  } while (cursor !== undefined);
  assert.deepEqual(seen, [9, 8, 6, 5, 3, 2]);
  assert.deepEqual((await log.list({ limit: 10, subject: "other" })).decisions.map((item) => item.sequence), [9, 8, 7]);
  for (const bad of [{ limit: 0 }, { limit: 1, cursor: "1 or 1=1" }]) {
    await assert.rejects(log.list(bad), (thrown) => isStrataError(thrown) && thrown.code === "REQUEST_INVALID");
  }
  await database.close();
});
