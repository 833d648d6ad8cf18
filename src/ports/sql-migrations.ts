/**
 * Which migrations of a domain are still to be applied: compares what the database recorded with what the code brings. Their
 * statements are kept beside, so that a copy of the database can be made without asking every domain for its tables.
 */
import { StrataError } from "../kernel/errors.ts";
import { hashOf } from "../kernel/hash.ts";
import type { SqlDatabase, SqlMigration } from "./sql.ts";

export interface AppliedMigration {
  readonly name: string;
  readonly digest: string;
}

export function digestOf(migration: SqlMigration): string {
  return hashOf(migration.statements);
}

/** The migrations after the applied ones; SQL_MIGRATION_MISMATCH when those are not a prefix of `migrations`. */
export function pendingMigrations(domain: string, migrations: readonly SqlMigration[], applied: readonly AppliedMigration[]): readonly SqlMigration[] {
  for (const [i, { name, digest }] of applied.entries()) {
    const reason = mismatch(migrations[i], name, digest);
    if (reason !== undefined) throw new StrataError("SQL_MIGRATION_MISMATCH", { domain, migration: name, reason });
  }
  return migrations.slice(applied.length);
}

function mismatch(migration: SqlMigration | undefined, name: string, digest: string): string | undefined {
  if (!migration) return "it was applied before, but this version does not know it";
  if (migration.name !== name) return `"${migration.name}" stands in its place`;
  return digestOf(migration) === digest ? undefined : "its statements changed after it was applied";
}

export interface DomainSchema {
  readonly domain: string;
  /** All that were applied, in order. */
  readonly migrations: readonly SqlMigration[];
}

export interface SchemaTables {
  readonly strata_schema: { readonly domain: string; readonly position: number; readonly name: string; readonly statements: string };
}

export const SCHEMA_TABLE = "CREATE TABLE IF NOT EXISTS strata_schema (domain TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, statements TEXT NOT NULL, PRIMARY KEY (domain, position))";

/** What an engine keeps of a domain's applied migrations. */
export function schemaRows(domain: string, migrations: readonly SqlMigration[]): readonly SchemaTables["strata_schema"][] {
  return migrations.map(({ name, statements }, position) => ({ domain, position, name, statements: JSON.stringify(statements) }));
}

/** Every domain's schema as it was applied to this database. */
export async function readSchema(database: SqlDatabase): Promise<readonly DomainSchema[]> {
  const rows = await database.as<SchemaTables>().selectFrom("strata_schema").selectAll().orderBy("domain").orderBy("position").execute();
  return [...Map.groupBy(rows, ({ domain }) => domain)].map(([domain, own]) => ({
    domain, migrations: own.map(({ name, statements }) => ({ name, statements: JSON.parse(statements) as readonly string[] })), // written by schemaRows
  }));
}
