/**
 * Traffic states and their moves, durable: one row per model, one row per move with its reason. Several processes may
 * share the tables: a move is kept only if nobody else moved the model since its state was read.
 */
import type { Transaction } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import type { TrafficMove } from "./traffic-move.ts";
import type { TrafficState } from "./traffic-state.ts";

export interface TrafficRecord {
  readonly model: string;
  readonly revision: number;
  readonly timeMs: number;
  readonly kind: TrafficMove["kind"];
  /** Who moved it: a person's route, or the canary's judge. */
  readonly actor: string;
  /** A sentence with the numbers. */
  readonly reason: string;
  /** What it led to. */
  readonly state: TrafficState;
}

export interface TrafficStore {
  /** Creates the tables. */
  open(): Promise<void>;
  states(): Promise<readonly TrafficState[]>;
  /** Raises REQUEST_INVALID when another process moved the model meanwhile. */
  save(record: TrafficRecord): Promise<void>;
  /** Newest first. */
  records(model: string, limit: number): Promise<readonly TrafficRecord[]>;
}

interface TrafficTables {
  served_traffic: { model: string; revision: number; state: string };
  served_traffic_move: { model: string; revision: number; record: string };
}

const MIGRATIONS: readonly SqlMigration[] = [{
  name: "served-traffic",
  statements: [
    "create table served_traffic (model text primary key, revision integer not null, state text not null)",
    "create table served_traffic_move (model text not null, revision integer not null, record text not null, primary key (model, revision))",
  ],
}];

export function createTrafficStore(database: SqlDatabase): TrafficStore {
  const tables = database.as<TrafficTables>();
  return {
    open: () => database.migrate("served-traffic", MIGRATIONS),
    states: async () => (await tables.selectFrom("served_traffic").select("state").orderBy("model").execute()).map(({ state }) => JSON.parse(state) as TrafficState), // written by save
    save: (record) => database.transaction<TrafficTables, void>(async (transaction) => {
      await refuseStale(transaction, record);
      const row = { model: record.model, revision: record.revision, state: canonicalJson(record.state) };
      await transaction.insertInto("served_traffic").values(row).onConflict((conflict) => conflict.column("model").doUpdateSet({ revision: row.revision, state: row.state })).execute();
      await transaction.insertInto("served_traffic_move").values({ model: record.model, revision: record.revision, record: canonicalJson(record) }).execute();
    }),
    records: async (model, limit) => (await tables.selectFrom("served_traffic_move").select("record").where("model", "=", model).orderBy("revision", "desc").limit(limit).execute())
      .map(({ record }) => JSON.parse(record) as TrafficRecord), // written by save
  };
}

async function refuseStale(transaction: Transaction<TrafficTables>, { model, revision }: TrafficRecord): Promise<void> {
  const known = await transaction.selectFrom("served_traffic").select("revision").where("model", "=", model).executeTakeFirst();
  if ((known?.revision ?? 0) !== revision - 1) throw new StrataError("REQUEST_INVALID", { reason: `The traffic of "${model}" was moved by somebody else at the same time; look again.` });
}
