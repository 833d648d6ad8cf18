/** Aliases in the database, and the one transaction that changes them together with their evidence. */
import type { Kysely, Transaction } from "kysely";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { hashOf } from "../../kernel/hash.ts";
import type { IdSource } from "../../kernel/ids.ts";
import { decideAliasChange } from "./alias-move.ts";
import type { Alias, AliasChange, Aliases, AliasRequest, AliasSnapshot } from "./alias-move.ts";
import type { Evidence, EvidenceRecord, Sign } from "./evidence.ts";
import { appendEvidence, readEvidence } from "./evidence-rows.ts";
import type { RegistryTables } from "./tables.ts";
import { findVersion } from "./version-rows.ts";

export interface EvidenceSource {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly sign: Sign | undefined;
}

export async function readAliases(reader: Pick<Kysely<RegistryTables>, "selectFrom">, model: string): Promise<Aliases> {
  const rows = await reader.selectFrom("registry_alias").select(["alias", "version"]).where("model", "=", model).execute();
  return Object.fromEntries(rows.map((row) => [row.alias, row.version]));
}

/** Decides on what the transaction sees, changes the aliases and writes the record. undefined: nothing to change, and no record of it. */
export async function changeAlias(
  transaction: Transaction<RegistryTables>, request: AliasRequest & { readonly expected: number | null }, source: EvidenceSource,
): Promise<Evidence | undefined> {
  const { model, alias } = request;
  const decision = decideAliasChange(await readSnapshot(transaction, request), request);
  if (decision.refused !== undefined) {
    throw new StrataError("ALIAS_REFUSED", { alias, model, version: "version" in request ? request.version : "-", reason: decision.refused });
  }
  if (decision.changes.length === 0) return latestOf(transaction, model, alias);
  await writeAliases(transaction, model, decision.changes);
  const record = await evidenceRecord(transaction, request, decision.changes);
  return appendEvidence(transaction, { ...record, id: source.ids.next(), timeMs: source.clock.now() }, source.sign);
}

async function readSnapshot(transaction: Transaction<RegistryTables>, request: AliasRequest & { readonly expected: number | null }): Promise<AliasSnapshot> {
  const needsPast = request.action === "move" && request.alias === "previous";
  return {
    aliases: await readAliases(transaction, request.model), expected: request.expected,
    pastChampions: needsPast ? await readChampions(transaction, request.model) : undefined,
  };
}

async function readChampions(transaction: Transaction<RegistryTables>, model: string): Promise<ReadonlySet<number>> {
  const changes = (await readEvidence(transaction, model)).flatMap((record) => record.changes);
  return new Set(changes.flatMap(({ alias, to }) => (alias === "champion" && to !== null ? [to] : [])));
}

/** The record that put the alias where it is. */
async function latestOf(transaction: Transaction<RegistryTables>, model: string, alias: Alias): Promise<Evidence | undefined> {
  const records = await readEvidence(transaction, model);
  return records.findLast((record) => record.changes.some((change) => change.alias === alias));
}

async function writeAliases(transaction: Transaction<RegistryTables>, model: string, changes: readonly AliasChange[]): Promise<void> {
  for (const { alias, to } of changes) {
    await transaction.deleteFrom("registry_alias").where("model", "=", model).where("alias", "=", alias).execute();
    if (to !== null) await transaction.insertInto("registry_alias").values({ model, alias, version: to }).execute();
  }
}

async function evidenceRecord(
  transaction: Transaction<RegistryTables>, request: AliasRequest, changes: readonly AliasChange[],
): Promise<Omit<EvidenceRecord, "id" | "timeMs" | "sequence" | "previousHash">> {
  const { model, alias, action, reason, actor } = request;
  const { from, to } = changes[0]!;
  const version = await findVersion(transaction, model, (to ?? from)!); // a change has at least one end
  const { run, snapshot, codeHash, definitionHash, environment, artifacts, metrics } = version;
  return {
    model, action, alias, version: version.version, versionHash: hashOf(version), changes, reason, actor,
    run, snapshot, codeHash, definitionHash, environment, artifacts, metrics,
    force: action === "move" && request.gates.length === 0 ? request.force ?? null : null,
    gates: action === "move" ? request.gates : [],
    decision: request.decision ?? null,
  };
}
