/** Copies every domain's tables: the schema as it was applied to the source, then the rows of each table in one transaction. */
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import { readSchema, type DomainSchema } from "../../ports/sql-migrations.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import { compare, createSetMeasure, type Comparison, type Measure } from "./equality.ts";

interface AnyTables { readonly [table: string]: Readonly<Record<string, unknown>> }
type Row = Readonly<Record<string, unknown>>;

export interface TableCopy {
  readonly source: SqlDatabase;
  readonly target: SqlDatabase;
  /** Domains to leave out or to take only: the traffic of served models lies in a file of its own. */
  readonly isWanted: (domain: string) => boolean;
  readonly onProgress: (table: string, rows: number) => void;
}

const PAGE_ROWS = 500;
/** PostgreSQL takes 65,535 parameters in one statement, SQLite 32,766. */
const MOST_PARAMETERS = 20_000;

export async function copyTables({ source, target, isWanted, onProgress }: TableCopy): Promise<readonly Comparison[]> {
  const schema = (await readSchema(source)).filter(({ domain }) => isWanted(domain));
  await requireWhole(source, schema, isWanted);
  const comparisons: Comparison[] = [];
  for (const { domain, migrations } of schema) {
    await target.migrate(domain, migrations);
    for (const table of tablesOf({ domain, migrations })) {
      const before = { source: await measureTable(source, table), target: await measureTable(target, table) };
      if (!compare("table", table, before).equal) await copyRows({ source, target }, table, (rows) => onProgress(table, rows));
      comparisons.push(compare("table", table, { source: before.source, target: await measureTable(target, table) }));
    }
  }
  return comparisons;
}

/** A database that an older Strata made does not keep the statements of its migrations until a newer one has opened it. */
async function requireWhole(database: SqlDatabase, schema: readonly DomainSchema[], isWanted: (domain: string) => boolean): Promise<void> {
  interface Applied { readonly strata_migrations: { readonly domain: string } }
  const applied = await database.as<Applied>().selectFrom("strata_migrations").select("domain").execute();
  for (const [domain, rows] of Map.groupBy(applied.filter((row) => isWanted(row.domain)), (row) => row.domain)) {
    if (schema.find((known) => known.domain === domain)?.migrations.length === rows.length) continue;
    throw new StrataError("MIGRATION_REFUSED", { what: `the tables of ${domain}`, reason: "an older version made them; start this version once with `strata up`, then migrate" });
  }
}

/** The tables that a domain's migrations leave, in the order in which they were made. */
export function tablesOf({ migrations }: DomainSchema): readonly string[] {
  const tables = new Set<string>();
  for (const statement of migrations.flatMap(({ statements }) => statements)) {
    for (const [, verb = "", name = ""] of statement.matchAll(/\b(create|drop)\s+table\s+(?:if\s+(?:not\s+)?exists\s+)?"?(\w+)"?/gi)) {
      if (verb.toLowerCase() === "create") tables.add(name);
      else tables.delete(name);
    }
  }
  return [...tables];
}

async function copyRows({ source, target }: { readonly source: SqlDatabase; readonly target: SqlDatabase }, table: string, onProgress: (rows: number) => void): Promise<void> {
  const rows: Row[] = [];
  for await (const row of source.as<AnyTables>().selectFrom(table).selectAll().stream(PAGE_ROWS)) rows.push(row);
  await target.transaction<AnyTables, void>(async (transaction) => {
    await transaction.deleteFrom(table).execute();
    const perStatement = Math.max(1, Math.min(PAGE_ROWS, Math.floor(MOST_PARAMETERS / Math.max(1, Object.keys(rows[0] ?? {}).length))));
    for (let at = 0; at < rows.length; at += perStatement) {
      await transaction.insertInto(table).values(rows.slice(at, at + perStatement)).execute();
      onProgress(Math.min(rows.length, at + perStatement));
    }
  });
}

async function measureTable(database: SqlDatabase, table: string): Promise<Measure> {
  const measure = createSetMeasure();
  for await (const row of database.as<AnyTables>().selectFrom(table).selectAll().stream(PAGE_ROWS)) {
    measure.add(canonicalJson(Object.fromEntries(Object.entries(row as Row).map(([column, value]) => [column, plain(value)]))));
  }
  return measure.measure();
}

/** Values as both engines tell them alike. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  return typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
}
