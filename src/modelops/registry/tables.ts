/** Tables of the registry. A version's and a record's content is one JSON text each; columns only find and order them. */
import type { SqlMigration } from "../../ports/sql.ts";
import type { Alias } from "./alias-move.ts";

export interface RegistryTables {
  registry_version: { model: string; version: number; run: string; created_at_ms: number; content: string };
  registry_alias: { model: string; alias: Alias; version: number };
  registry_evidence: { model: string; sequence: number; hash: string; record: string; signature_key: string | null; signature: string | null };
}

export const REGISTRY_MIGRATIONS: readonly SqlMigration[] = [{
  name: "versions, aliases and evidence",
  statements: [
    `create table registry_version (
      model text not null, version integer not null, run text not null, created_at_ms integer not null, content text not null,
      primary key (model, version), unique (model, run))`,
    `create table registry_alias (
      model text not null, alias text not null, version integer not null,
      primary key (model, alias), foreign key (model, version) references registry_version (model, version))`,
    `create table registry_evidence (
      model text not null, sequence integer not null, hash text not null, record text not null, signature_key text, signature text,
      primary key (model, sequence))`,
  ],
}];
