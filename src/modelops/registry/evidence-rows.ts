/** Evidence records in the database: appended at the end of their model's chain, read in order. */
import type { Kysely, Transaction } from "kysely";
import { GENESIS_HASH, openRecord, sealRecord } from "./evidence.ts";
import type { Evidence, EvidenceRecord, SealedRecord, Sign } from "./evidence.ts";
import type { RegistryTables } from "./tables.ts";

type Reader = Pick<Kysely<RegistryTables>, "selectFrom">;

export async function appendEvidence(
  transaction: Transaction<RegistryTables>, content: Omit<EvidenceRecord, "sequence" | "previousHash">, sign: Sign | undefined,
): Promise<Evidence> {
  const { model } = content;
  const last = await transaction.selectFrom("registry_evidence").select(["sequence", "hash"]).where("model", "=", model).orderBy("sequence", "desc").limit(1).executeTakeFirst();
  const sequence = (last?.sequence ?? 0) + 1;
  const sealed = sealRecord({ ...content, sequence, previousHash: last?.hash ?? GENESIS_HASH }, sign);
  await transaction.insertInto("registry_evidence").values({
    model, sequence, hash: sealed.hash, record: sealed.text,
    signature_key: sealed.signature?.keyId ?? null, signature: sealed.signature?.value ?? null,
  }).execute();
  return openRecord(sealed);
}

/** All records of a model, oldest first. */
export async function readEvidence(reader: Reader, model: string): Promise<readonly Evidence[]> {
  return (await readSealed(reader, model)).map(openRecord);
}

/** The same, as they are stored. */
export async function readSealed(reader: Reader, model: string): Promise<readonly SealedRecord[]> {
  const rows = await reader.selectFrom("registry_evidence").selectAll().where("model", "=", model).orderBy("sequence").execute();
  return rows.map((row) => ({
    hash: row.hash, text: row.record,
    signature: row.signature_key === null || row.signature === null ? undefined : { keyId: row.signature_key, value: row.signature },
  }));
}
