/** Versions in the database: numbered per model, one per run, never changed. */
import type { Kysely, Transaction } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import type { ModelVersion, NewModelVersion } from "./model-version.ts";
import type { RegistryTables } from "./tables.ts";

type Reader = Pick<Kysely<RegistryTables>, "selectFrom">;

/** The new version's number; the number it has when its run is registered already. */
export async function insertVersion(transaction: Transaction<RegistryTables>, version: NewModelVersion, createdAtMs: number): Promise<number> {
  const { model, run } = version;
  const content = canonicalJson(version);
  const known = await transaction.selectFrom("registry_version").select(["version", "content"]).where("model", "=", model).where("run", "=", run).executeTakeFirst();
  if (known?.content === content) return known.version;
  if (known !== undefined) throw new StrataError("RUN_REFUSED", { run, reason: `it gave version ${known.version} of "${model}" already, with other content` });
  const newest = await transaction.selectFrom("registry_version").select((row) => row.fn.max("version").as("version")).where("model", "=", model).executeTakeFirst();
  const number = (newest?.version ?? 0) + 1;
  await transaction.insertInto("registry_version").values({ model, version: number, run, created_at_ms: createdAtMs, content }).execute();
  return number;
}

/** MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND when there is none. */
export async function findVersion(reader: Reader, model: string, version: number): Promise<ModelVersion> {
  const row = await reader.selectFrom("registry_version").selectAll().where("model", "=", model).where("version", "=", version).executeTakeFirst();
  if (row !== undefined) return versionFromRow(row);
  await allVersions(reader, model); // MODEL_NOT_FOUND says more
  throw new StrataError("MODEL_VERSION_NOT_FOUND", { model, version });
}

/** Newest first; MODEL_NOT_FOUND when there is none. */
export async function allVersions(reader: Reader, model: string): Promise<readonly ModelVersion[]> {
  const rows = await reader.selectFrom("registry_version").selectAll().where("model", "=", model).orderBy("version", "desc").execute();
  if (rows.length === 0) throw new StrataError("MODEL_NOT_FOUND", { model, known: (await modelNames(reader)).join(", ") || "none" });
  return rows.map(versionFromRow);
}

export async function modelNames(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.selectFrom("registry_version").select("model").distinct().orderBy("model").execute();
  return rows.map((row) => row.model);
}

function versionFromRow(row: RegistryTables["registry_version"]): ModelVersion {
  return { ...(JSON.parse(row.content) as NewModelVersion), version: row.version, createdAtMs: row.created_at_ms }; // written by insertVersion
}
