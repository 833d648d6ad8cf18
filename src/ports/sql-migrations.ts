/** Which migrations of a domain are still to be applied: compares what the database recorded with what the code brings. */
import { StrataError } from "../kernel/errors.ts";
import { hashOf } from "../kernel/hash.ts";
import type { SqlMigration } from "./sql.ts";

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
