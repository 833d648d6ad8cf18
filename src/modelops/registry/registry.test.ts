import assert from "node:assert/strict";
import { generateKeyPairSync, sign as signBytes, verify as verifyBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { canonicalJson, hashOf, sha256 } from "../../kernel/hash.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import type { GateVerdict } from "../validation/gates.ts";
import type { Alias, MoveRequest } from "./alias-move.ts";
import { GENESIS_HASH } from "./evidence.ts";
import type { EvidenceSignature, Sign } from "./evidence.ts";
import type { NewModelVersion } from "./model-version.ts";
import { createRegistry } from "./registry.ts";
import type { RegistryTables } from "./tables.ts";

const PASSED: readonly GateVerdict[] = [{ gate: { metric: "ndcg@10", min: 0.02 }, condition: "min", passed: true, value: 0.12, threshold: 0.02, reason: "0.12 reaches 0.02." }];
const FAILED: readonly GateVerdict[] = [...PASSED, { gate: { metric: "recall@20", min: 0.02 }, condition: "min", passed: false, value: 0.01, threshold: 0.02, reason: "0.01 is below 0.02." }];
const BY = { reason: "Gates passed.", actor: "loop" };

async function openStore(sign?: Sign) {
  const folder = await mkdtemp(join(tmpdir(), "strata-registry-"));
  const clock = createManualClock(1_000_000);
  const database = await openDomainDatabase({ file: join(folder, "strata.db") });
  const blobs = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const trees = await blobs.put(Buffer.from("trees"));
  const registry = createRegistry({ database, blobs, clock, ids: createIdSource(clock, createRandom(1).next), ...(sign ? { sign } : {}) });
  await registry.open();
  let runs = 0;
  const version = (changes: Partial<NewModelVersion> = {}): NewModelVersion => ({
    model: "ranker", run: `run-${++runs}`, artifacts: { trees }, definitionHash: "d1", codeHash: "c1", snapshot: "s1",
    environment: { node: "24.0.0", strata: "0.1.0", platform: "linux-x64" }, metrics: { "ndcg@10": 0.12, loss: Number.NaN },
    signature: { inputs: [{ name: "customer_activity.country", kind: "categorical", categories: ["France"] }], outputs: 1 }, ...changes,
  });
  /** One after the other, so that run n gives version n. */
  const register = async (count: number, model = "ranker"): Promise<readonly number[]> => {
    const versions: number[] = [];
    for (let i = 0; i < count; i++) versions.push(await registry.registerVersion(version({ model })));
    return versions;
  };
  const promote = (number: number, more: Partial<MoveRequest> = {}) => registry.moveAlias({ model: "ranker", alias: "champion", version: number, gates: PASSED, ...BY, ...more });
  const dispose = async (): Promise<void> => {
    await database.close();
    await rm(folder, { recursive: true });
  };
  return { clock, database, registry, tables: database.as<RegistryTables>(), trees, version, register, promote, [Symbol.asyncDispose]: dispose };
}

const hasCode = (code: ErrorCode, text = "") => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && thrown.message.includes(text);

test("versions are numbered 1, 2, 3 per model, also when registered at once", async () => {
  await using store = await openStore();
  const numbers = await store.register(5);
  await store.register(2, "other");
  assert.deepEqual(numbers.toSorted((a, b) => a - b), [1, 2, 3, 4, 5]);
  assert.deepEqual((await store.registry.versions("ranker")).map((version) => version.version), [5, 4, 3, 2, 1]);
  assert.deepEqual(await store.registry.models(), ["other", "ranker"]);
  const { metrics, signature, createdAtMs } = await store.registry.version("ranker", 3);
  assert.deepEqual([metrics, signature.inputs[0]?.categories, createdAtMs], [{ "ndcg@10": 0.12, loss: null }, ["France"], 1_000_000]);
});

test("registering a run's version again gives its number; other content, missing blobs and unknown names are refused", async () => {
  await using store = await openStore();
  const first = store.version();
  assert.deepEqual([await store.registry.registerVersion(first), await store.registry.registerVersion(first)], [1, 1]);
  await assert.rejects(store.registry.registerVersion({ ...first, codeHash: "c2" }), hasCode("RUN_REFUSED", "it gave version 1"));
  await assert.rejects(store.registry.registerVersion(store.version({ artifacts: { trees: sha256("absent") } })), hasCode("BLOB_NOT_FOUND"));
  await assert.rejects(store.registry.registerVersion(store.version({ artifacts: {} })), hasCode("REQUEST_INVALID", "at least one artifact"));
  await assert.rejects(store.registry.version("ranker", 2), hasCode("MODEL_VERSION_NOT_FOUND", "no version 2"));
  await assert.rejects(store.registry.versions("nope"), (thrown) => isStrataError(thrown) && thrown.code === "MODEL_NOT_FOUND" && thrown.hint.includes("ranker"));
  await assert.rejects(store.promote(9), hasCode("MODEL_VERSION_NOT_FOUND"));
  assert.equal((await store.registry.versions("ranker")).length, 1);
});

test("an alias moves only when every gate passed", async () => {
  await using store = await openStore();
  await store.register(2);
  await assert.rejects(store.promote(1, { gates: FAILED }), hasCode("ALIAS_REFUSED", "1 of 2 gate(s) failed: recall@20: 0.01 is below 0.02."));
  await assert.rejects(store.promote(1, { gates: FAILED, force: { actor: "Ann", reason: "Please." } }), hasCode("ALIAS_REFUSED", "failed"));
  await assert.rejects(store.promote(1, { gates: [] }), hasCode("ALIAS_REFUSED", "no gate was evaluated"));
  await assert.rejects(store.promote(1, { gates: [], force: { actor: " ", reason: "x" } }), hasCode("ALIAS_REFUSED", "actor and a reason"));
  await assert.rejects(store.promote(1, { reason: "" }), hasCode("ALIAS_REFUSED", "needs an actor and a reason"));
  assert.deepEqual(await store.registry.aliases("ranker"), {});
  assert.deepEqual(await store.registry.evidence("ranker"), []);

  const forced = await store.promote(1, { gates: [], force: { actor: "Ann", reason: "First version, nothing to compare with." } });
  assert.deepEqual(forced.force, { actor: "Ann", reason: "First version, nothing to compare with." });
  const gated = await store.promote(2, { force: { actor: "Ann", reason: "Not needed." } });
  assert.equal(gated.force, null);
});

test("a new champion makes the old one previous, ends the trial and leaves one complete record", async () => {
  await using store = await openStore();
  await store.register(2);
  await store.promote(1);
  await store.registry.moveAlias({ model: "ranker", alias: "challenger", version: 2, gates: PASSED, ...BY });
  store.clock.advance(500);
  const record = await store.promote(2, { decision: { verdict: "promote", pValue: 0.01 } });
  assert.deepEqual(await store.registry.aliases("ranker"), { champion: 2, previous: 1 });
  assert.equal((await store.registry.resolve("ranker", "champion"))?.version, 2);
  assert.equal(await store.registry.resolve("ranker", "challenger"), undefined);
  const { id: _, previousHash, hash, versionHash, ...rest } = record;
  assert.equal(versionHash, hashOf(await store.registry.version("ranker", 2)));
  assert.deepEqual(rest, {
    model: "ranker", sequence: 3, action: "move", alias: "champion", version: 2, ...BY, timeMs: 1_000_500, force: null, gates: PASSED,
    changes: [{ alias: "champion", from: 1, to: 2 }, { alias: "previous", from: null, to: 1 }, { alias: "challenger", from: 2, to: null }],
    decision: { verdict: "promote", pValue: 0.01 }, run: "run-2", snapshot: "s1", codeHash: "c1", definitionHash: "d1",
    environment: { node: "24.0.0", strata: "0.1.0", platform: "linux-x64" }, artifacts: { trees: store.trees }, metrics: { "ndcg@10": 0.12, loss: null }, signature: undefined,
  });
  assert.deepEqual([await store.registry.gates("ranker", 2), await store.registry.gates("ranker", 3)], [PASSED, []]);
  const records = await store.registry.evidence("ranker");
  assert.equal(records[0]?.previousHash, GENESIS_HASH);
  assert.equal(previousHash, records[1]?.hash);
  assert.deepEqual(await store.registry.verifyEvidence("ranker"), { ok: true, records: 3, head: hash, brokenAt: undefined, reason: undefined });
  assert.equal((await store.registry.verifyEvidence("unknown")).ok, true);
});

test("two moves at once: one wins, the other is refused; a move to where the alias stands gives its record again", async () => {
  await using store = await openStore();
  await store.register(3);
  await store.promote(1);
  const results = await Promise.allSettled([store.promote(2), store.promote(3)]);
  assert.deepEqual(results.map((result) => result.status).toSorted(), ["fulfilled", "rejected"]);
  const lost = results.find((result) => result.status === "rejected");
  assert.ok(hasCode("ALIAS_REFUSED", "not at version 1 as when this was decided")(lost?.reason));
  const { champion } = await store.registry.aliases("ranker");
  assert.deepEqual((await store.promote(champion!)).sequence, 2);
  assert.equal((await store.registry.evidence("ranker")).length, 2);
  await assert.rejects(store.promote(champion === 2 ? 3 : 2, { expected: 1 }), hasCode("ALIAS_REFUSED", "not at version 1"));
});

test("a rollback swaps champion and previous, once", async () => {
  await using store = await openStore();
  await store.register(2);
  await store.promote(1);
  await assert.rejects(store.registry.rollback({ model: "ranker", ...BY }), hasCode("ALIAS_REFUSED", "no earlier champion"));
  await store.promote(2);
  const rollback = { model: "ranker", expected: 2, reason: "Reward fell.", actor: "loop" };
  const record = await store.registry.rollback(rollback);
  assert.deepEqual([record.action, record.version, record.gates], ["rollback", 1, []]);
  assert.deepEqual(await store.registry.aliases("ranker"), { champion: 1, previous: 2 });
  await assert.rejects(store.registry.rollback(rollback), hasCode("ALIAS_REFUSED", "stands at version 1, not at version 2"));
  assert.equal((await store.registry.verifyEvidence("ranker")).ok, true);
});

test("previous takes only past champions, so a rollback never reaches an unproven version; champions are not removed", async () => {
  await using store = await openStore();
  await store.register(3);
  await store.promote(1);
  await store.promote(2);
  const previous = (version: number) => store.registry.moveAlias({ model: "ranker", alias: "previous", version, gates: [], ...BY });
  await assert.rejects(previous(3), hasCode("ALIAS_REFUSED", "version 3 was never champion"));
  await store.registry.removeAlias({ model: "ranker", alias: "previous", ...BY });
  assert.deepEqual(await store.registry.aliases("ranker"), { champion: 2 });
  await store.registry.removeAlias({ model: "ranker", alias: "previous", ...BY });
  assert.equal((await previous(1)).sequence, 4);
  await assert.rejects(store.registry.removeAlias({ model: "ranker", alias: "champion", ...BY }), hasCode("ALIAS_REFUSED", "not removed"));
  await assert.rejects(store.registry.moveAlias({ model: "ranker", alias: "challenger", version: 2, gates: PASSED, ...BY }), hasCode("ALIAS_REFUSED", "is the champion already"));
});

test("a transaction that fails on the way leaves nothing behind", async () => {
  await using store = await openStore(() => {
    throw new Error("the key is gone");
  });
  await store.register(1);
  await assert.rejects(store.promote(1), /the key is gone/);
  assert.deepEqual(await store.registry.aliases("ranker"), {}); // the alias row was written before the signer failed
  assert.deepEqual(await store.registry.evidence("ranker"), []);
  const { database } = store;
  await database.transaction<RegistryTables, void>(async (transaction) => {
    await transaction.insertInto("registry_version").values({ model: "ranker", version: 2, run: "x", created_at_ms: 0, content: "{}" }).execute();
    throw new Error("power is gone");
  }).catch(() => undefined);
  assert.deepEqual(await store.register(1), [2]);
});

test("every way of tampering is found, at the first record that does not hold", async () => {
  const tamper = async (change: (store: Awaited<ReturnType<typeof openStore>>) => Promise<unknown>): Promise<readonly unknown[]> => {
    await using store = await openStore();
    await store.register(3);
    for (const version of [1, 2, 3]) await store.promote(version);
    const head = (await store.registry.verifyEvidence("ranker")).head!;
    await change(store);
    const { brokenAt, reason } = await store.registry.verifyEvidence("ranker", { head });
    return [brokenAt, reason?.replace(/[0-9a-f]{64}/, "HEAD")];
  };
  const edit = async ({ tables }: Awaited<ReturnType<typeof openStore>>, sequence: number, options: { rehash: boolean }) => {
    const { record } = await tables.selectFrom("registry_evidence").select("record").where("sequence", "=", sequence).executeTakeFirstOrThrow();
    const text = record.replace("Gates passed.", "Gates were kind.");
    await tables.updateTable("registry_evidence").set({ record: text, ...(options.rehash ? { hash: sha256(text) } : {}) }).where("sequence", "=", sequence).execute();
  };
  const remove = ({ tables }: Awaited<ReturnType<typeof openStore>>, sequence: number) => tables.deleteFrom("registry_evidence").where("sequence", "=", sequence).execute();

  assert.deepEqual(await tamper((store) => edit(store, 2, { rehash: false })), [2, 'Record 2 of "ranker" does not hold: its content does not match its hash.']);
  assert.deepEqual(await tamper((store) => edit(store, 2, { rehash: true })), [3, 'Record 3 of "ranker" does not hold: it does not follow the record before it.']);
  assert.deepEqual(await tamper((store) => edit(store, 3, { rehash: true })), [4, 'The evidence of "ranker" does not hold the record HEAD that was noted; its newest records are missing.']);
  assert.deepEqual(await tamper((store) => remove(store, 2)), [2, 'Record 2 of "ranker" does not hold: it says it is record 3.']);
  assert.deepEqual((await tamper((store) => remove(store, 3)))[0], 3);
  assert.deepEqual(await tamper(({ tables }) => tables.updateTable("registry_alias").set({ version: 1 }).where("alias", "=", "champion").execute()),
    [4, 'The aliases of "ranker" stand at {"champion":1,"previous":2}; the evidence leads to {"champion":3,"previous":2}.']);
  assert.deepEqual(await tamper(async ({ tables, version }) => tables.updateTable("registry_version").set({ content: canonicalJson({ ...version(), run: "run-2", signature: { inputs: [], outputs: 1 } }) }).where("version", "=", 2).execute()),
    [2, 'Version 2 of "ranker" is not as record 2 describes it.']);
});

test("any single changed character of a stored record is found", async () => {
  await using store = await openStore();
  await store.register(2);
  await store.promote(1);
  await store.promote(2);
  const rows = await store.tables.selectFrom("registry_evidence").selectAll().execute();
  await fc.assert(fc.asyncProperty(fc.constantFrom(...rows), fc.nat(), fc.constantFrom("0", "}", "\"", "x"), async (row, place, character) => {
    const at = place % row.record.length;
    fc.pre(row.record[at] !== character);
    await store.tables.updateTable("registry_evidence").set({ record: row.record.slice(0, at) + character + row.record.slice(at + 1) }).where("sequence", "=", row.sequence).execute();
    const report = await store.registry.verifyEvidence("ranker");
    await store.tables.updateTable("registry_evidence").set({ record: row.record }).where("sequence", "=", row.sequence).execute();
    assert.deepEqual([report.ok, report.brokenAt], [false, row.sequence]);
  }), { numRuns: 60 });
  assert.equal((await store.registry.verifyEvidence("ranker")).ok, true);
});

test("signatures show a chain that was rewritten whole", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const verifySignature = (hash: string, { value }: EvidenceSignature): boolean => verifyBytes(null, Buffer.from(hash), publicKey, Buffer.from(value, "base64"));
  await using store = await openStore((hash) => ({ keyId: "key-1", value: signBytes(null, Buffer.from(hash), privateKey).toString("base64") }));
  await store.register(1);
  const { signature } = await store.promote(1);
  assert.equal(signature?.keyId, "key-1");
  assert.equal((await store.registry.verifyEvidence("ranker", { verifySignature })).ok, true);

  const { record } = await store.tables.selectFrom("registry_evidence").select("record").executeTakeFirstOrThrow();
  const rewritten = record.replace("Gates passed.", "Gates were kind.");
  await store.tables.updateTable("registry_evidence").set({ record: rewritten, hash: sha256(rewritten) }).execute();
  assert.equal((await store.registry.verifyEvidence("ranker")).ok, true); // nothing else could tell
  assert.equal((await store.registry.verifyEvidence("ranker", { verifySignature })).reason, 'Record 1 of "ranker" does not hold: its signature by key-1 is not valid.');
  await store.tables.updateTable("registry_evidence").set({ signature: null }).execute();
  assert.match((await store.registry.verifyEvidence("ranker", { verifySignature })).reason!, /it is not signed/);
});

test("after any sequence of requests: the chain holds, and every champion had passed gates or been forced", async () => {
  const step = fc.record({ kind: fc.constantFrom("move", "rollback", "remove"), alias: fc.constantFrom<Alias>("champion", "challenger", "previous"), version: fc.integer({ min: 1, max: 4 }), gates: fc.constantFrom("passed", "failed", "none") });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    await using store = await openStore();
    await store.register(4);
    for (const { kind, alias, version, gates } of steps) {
      const move = { model: "ranker", alias, version, ...BY, gates: gates === "passed" ? PASSED : gates === "failed" ? FAILED : [] };
      const request = kind === "move" ? store.registry.moveAlias(move) : kind === "rollback" ? store.registry.rollback(move) : store.registry.removeAlias(move);
      await Promise.resolve(request).catch((thrown: unknown) => assert.ok(hasCode("ALIAS_REFUSED")(thrown), String(thrown)));
    }
    const records = await store.registry.evidence("ranker");
    const proven = new Set(records.filter((record) => record.gates.length > 0 && record.gates.every((gate) => gate.passed)).map((record) => record.version));
    const { champion, challenger, previous } = await store.registry.aliases("ranker");
    for (const version of [champion, challenger, previous]) assert.ok(version === undefined || proven.has(version), `version ${version} was never proven`);
    assert.ok(champion === undefined || champion !== challenger);
    assert.deepEqual((await store.registry.verifyEvidence("ranker")).reason, undefined);
  }), { numRuns: 15 });
});
