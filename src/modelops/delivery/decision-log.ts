/**
 * The append-only list of everything the control loop decided, and why: what the console and the command line show.
 * Entries are numbered without gaps; there is no way to change or remove one.
 */
import type { Kysely } from "kysely";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";

export type DecisionKind = "trigger" | "training" | "gate" | "rollout" | "alias" | "definition" | "alert";

export interface NewDecision {
  readonly kind: DecisionKind;
  /** What it is about: a model, an endpoint, a definition. */
  readonly subject: string;
  /** One word for filtering and colours: "retrain", "blocked", "passed", "promote", … */
  readonly verdict: string;
  /** A sentence with the numbers. */
  readonly reason: string;
  /** Plain JSON. */
  readonly details?: unknown;
}

export interface Decision extends NewDecision {
  /** 1, 2, 3, … */
  readonly sequence: number;
  readonly timeMs: number;
  readonly details: unknown;
}

export interface DecisionQuery {
  readonly kind?: DecisionKind;
  readonly subject?: string;
  /** 1 to 1,000. */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface DecisionPage {
  /** Newest first. */
  readonly decisions: readonly Decision[];
  /** undefined on the last page. */
  readonly nextCursor: string | undefined;
}

export interface DecisionLog {
  /** Creates the table. */
  open(): Promise<void>;
  append(decision: NewDecision): Promise<Decision>;
  list(query: DecisionQuery): Promise<DecisionPage>;
}

interface DecisionTables {
  decision: { sequence: number; time_ms: number; kind: DecisionKind; subject: string; verdict: string; reason: string; details: string };
}

const MIGRATIONS: readonly SqlMigration[] = [{
  name: "decisions",
  statements: [
    `create table decision (
      sequence integer primary key, time_ms integer not null, kind text not null, subject text not null,
      verdict text not null, reason text not null, details text not null)`,
    "create index decision_by_kind on decision (kind, sequence)",
    "create index decision_by_subject on decision (subject, sequence)",
  ],
}];

export function createDecisionLog({ database, clock }: { readonly database: SqlDatabase; readonly clock: Clock }): DecisionLog {
  const tables = database.as<DecisionTables>();
  return {
    open: () => database.migrate("decisions", MIGRATIONS),

    append: (decision) => database.transaction<DecisionTables, Decision>(async (transaction) => {
      const newest = await transaction.selectFrom("decision").select("sequence").orderBy("sequence", "desc").limit(1).executeTakeFirst();
      const { kind, subject, verdict, reason, details = null } = decision;
      const row = { sequence: (newest?.sequence ?? 0) + 1, time_ms: clock.now(), kind, subject, verdict, reason, details: canonicalJson(details) };
      await transaction.insertInto("decision").values(row).execute();
      return decisionFromRow(row);
    }),

    list: async (query) => {
      const rows = await selectPage(tables, query);
      const page = rows.slice(0, query.limit);
      return { decisions: page.map(decisionFromRow), nextCursor: rows.length > query.limit ? String(page.at(-1)!.sequence) : undefined };
    },
  };
}

/** One row more than asked for, to know whether there is another page. */
function selectPage(tables: Kysely<DecisionTables>, { kind, subject, limit, cursor }: DecisionQuery): Promise<DecisionTables["decision"][]> {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1_000)) throw new StrataError("REQUEST_INVALID", { reason: `The limit must be 1 to 1,000, not ${limit}.` });
  let query = tables.selectFrom("decision").selectAll().orderBy("sequence", "desc").limit(limit + 1);
  if (kind !== undefined) query = query.where("kind", "=", kind);
  if (subject !== undefined) query = query.where("subject", "=", subject);
  if (cursor !== undefined) query = query.where("sequence", "<", sequenceOf(cursor));
  return query.execute();
}

function sequenceOf(cursor: string): number {
  const sequence = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (Number.isNaN(sequence)) throw new StrataError("REQUEST_INVALID", { reason: `"${cursor}" is not a cursor of the decision list.` });
  return sequence;
}

function decisionFromRow(row: DecisionTables["decision"]): Decision {
  return {
    sequence: row.sequence, timeMs: row.time_ms, kind: row.kind, subject: row.subject,
    verdict: row.verdict, reason: row.reason, details: JSON.parse(row.details) as unknown,
  };
}
