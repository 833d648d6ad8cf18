import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { StrataError } from "../../kernel/errors.ts";

const version = (number: number) => ({ model: "ranker", version: number, createdAtMs: number * 1000, run: `RUN${number}`, metrics: { "ndcg@10": 0.12345, mae: null } });
const ranker = { model: "ranker", aliases: { champion: 2, previous: 1 }, versions: [version(1), version(2)], rollout: { challenger: 3, phase: "shadow" } };
const record = {
  sequence: 1, timeMs: 0, action: "rollback", alias: "champion", version: 1, gates: [{ passed: true }, { passed: false }], hash: "abcdef0123456789", actor: "admin-api", reason: "complaints",
};

async function run(words: string, check: unknown = { ok: true }) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/models") return { body: { models: [ranker, { model: "eta", aliases: {}, versions: [], rollout: null }] } };
    if (line === "GET /v1/models/ranker") return { body: ranker };
    if (line === "GET /v1/models/ranker/evidence") return { body: { records: [record], check } };
    if (line === "GET /v1/runs") {
      return { body: { runs: [
        { id: "RUN2", model: "ranker", status: "finished", startedAtMs: 0, finishedAtMs: 65_000, trigger: { kind: "drift" }, metrics: { mae: { value: 1.5 } } },
        { id: "RUN1", model: "ranker", status: "failed", startedAtMs: 0, error: "no rows", trigger: { kind: "manual" }, metrics: {} },
      ] } };
    }
    throw new StrataError("MODEL_NOT_FOUND", { model: "x", known: "ranker, eta" });
  });
  return { ...await runStrata(words.split(" "), server), requests: server.requests };
}

test("models are listed with their aliases and trials", async () => {
  assert.equal((await run("models")).host.output(), [
    "model   versions  aliases                   rollout",
    "ranker         2  champion v2, previous v1  v3 in shadow",
    "eta            0  none yet                  –",
    "",
  ].join("\n"));
});

test("versions come newest first", async () => {
  const { host } = await run("models show ranker");
  assert.equal(host.output(), [
    "version  alias     created               metrics                run",
    "v2       champion  1970-01-01 00:00:02Z  ndcg@10 0.1235, mae –  RUN2",
    "v1       previous  1970-01-01 00:00:01Z  ndcg@10 0.1235, mae –  RUN1",
    "",
  ].join("\n"));
  assert.match(host.errors(), /^v3 is on trial \(shadow\)/);
});

test("runs say why they were started and how they ended", async () => {
  const { host, requests } = await run("models runs ranker --limit 5");
  assert.deepEqual(requests[0]?.query, { limit: "5", model: "ranker" });
  assert.equal(host.output(), [
    "run   model   status    started                 took  why     result",
    "RUN2  ranker  finished  1970-01-01 00:00:00Z  1m 05s  drift   mae 1.5",
    "RUN1  ranker  failed    1970-01-01 00:00:00Z       –  manual  no rows",
    "",
  ].join("\n"));
});

test("evidence that holds is said to, and evidence that does not is status 1", async () => {
  const sound = await run("models evidence ranker");
  assert.equal(sound.code, 0);
  assert.equal(sound.host.output(), [
    "#  time                  move                      gates  hash          by         reason",
    "1  1970-01-01 00:00:00Z  champion → v1 (rollback)  1/2    abcdef012345  admin-api  complaints",
    "",
  ].join("\n"));
  assert.equal(sound.host.errors(), "✓ the chain holds\n");
  const broken = await run("models evidence ranker", { ok: false, brokenAt: 1, reason: "Record 1 of \"ranker\" does not hold." });
  assert.equal(broken.code, 1);
  assert.equal(broken.host.errors(), "! the chain does not hold: Record 1 of \"ranker\" does not hold.\n");
});

test("an unknown model is the server's error", async () => {
  const { code, host } = await run("models show x");
  assert.equal(code, 1);
  assert.equal(host.errors(), "error MODEL_NOT_FOUND There is no model \"x\".\nnext: Known models: ranker, eta.\n");
});
