/** Verdicts in SQL, so that a trend survives restarts: every change of a rule's status, and one verdict per window. */
import type { SqlDatabase } from "../../ports/sql.ts";
import type { QualityTables } from "./tables.ts";
import type { RuleVerdict, VerdictStatus } from "./verdict.ts";

export interface PastVerdict extends RuleVerdict {
  readonly source: "stream" | "lake";
  readonly recordedAtMs: number;
}

export interface HistoryQuery {
  readonly rule?: string | undefined;
  readonly status?: VerdictStatus | undefined;
  readonly source?: "stream" | "lake" | undefined;
  readonly sinceMs?: number | undefined;
  readonly limit: number;
}

export interface Recorded {
  readonly verdict: RuleVerdict;
  readonly source: "stream" | "lake";
  readonly place: number;
  readonly atMs: number;
}

export interface VerdictHistory {
  /** One transaction; writing a verdict of the same place again replaces it. */
  record(verdicts: readonly Recorded[]): Promise<void>;
  /** Newest first. */
  read(expectations: string, query: HistoryQuery): Promise<readonly PastVerdict[]>;
}

/** Kept with a failing verdict; the live state has more. */
const SAMPLES_KEPT = 5;
/** At one verdict an hour this is two months and a half. */
const KEPT_PER_RULE = 2_000;
const WRITES_BETWEEN_PRUNING = 500;

export function createVerdictHistory(database: SqlDatabase): VerdictHistory {
  const tables = database.as<QualityTables>();
  let writes = 0;
  const prune = async (touched: ReadonlyMap<string, RuleVerdict>): Promise<void> => {
    for (const { expectations, rule } of touched.values()) {
      const oldest = await tables.selectFrom("quality_verdict").select("at_ms").where("expectations", "=", expectations).where("rule", "=", rule)
        .orderBy("at_ms", "desc").offset(KEPT_PER_RULE).limit(1).executeTakeFirst();
      if (oldest !== undefined) await tables.deleteFrom("quality_verdict").where("expectations", "=", expectations).where("rule", "=", rule).where("at_ms", "<=", oldest.at_ms).execute();
    }
  };
  return {
    record: async (recorded) => {
      if (recorded.length === 0) return;
      await database.transaction<QualityTables, void>(async (transaction) => {
        for (const { verdict, source, place, atMs } of recorded) {
          const content = JSON.stringify({ ...verdict, samples: verdict.status === "failing" ? verdict.samples.slice(0, SAMPLES_KEPT) : [] });
          const row = { expectations: verdict.expectations, rule: verdict.rule, source, place, at_ms: atMs, status: verdict.status, content };
          await transaction.insertInto("quality_verdict").values(row)
            .onConflict((conflict) => conflict.columns(["expectations", "rule", "source", "place"]).doUpdateSet({ at_ms: atMs, status: verdict.status, content })).execute();
        }
      });
      writes += recorded.length;
      if (writes < WRITES_BETWEEN_PRUNING) return;
      writes = 0;
      await prune(new Map(recorded.map(({ verdict }) => [`${verdict.expectations}.${verdict.rule}`, verdict])));
    },
    read: async (expectations, { rule, status, source, sinceMs, limit }) => {
      let query = tables.selectFrom("quality_verdict").selectAll().where("expectations", "=", expectations);
      if (rule !== undefined) query = query.where("rule", "=", rule);
      if (status !== undefined) query = query.where("status", "=", status);
      if (source !== undefined) query = query.where("source", "=", source);
      if (sinceMs !== undefined) query = query.where("at_ms", ">=", sinceMs);
      const rows = await query.orderBy("at_ms", "desc").orderBy("place", "desc").orderBy("rule").limit(limit).execute();
      return rows.map((row) => ({ ...JSON.parse(row.content) as RuleVerdict, source: row.source, recordedAtMs: row.at_ms })); // written by record only
    },
  };
}
