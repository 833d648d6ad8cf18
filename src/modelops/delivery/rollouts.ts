/**
 * Rollouts that survive a restart: each one's state and every decision that changed it. A model and an endpoint have
 * at most one rollout in progress, because a challenger must be judged against a champion that stays put.
 */
import type { Kysely, Transaction } from "kysely";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import type { RolloutAdvance } from "./rollout-advance.ts";
import { cancelRollout, isActive, startRollout } from "./rollout-state.ts";
import type { NewRollout, RolloutDecision, RolloutState } from "./rollout-state.ts";

export interface RolloutQuery {
  readonly model?: string;
  readonly endpoint?: string;
  /** 1 to 1,000. */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface RolloutPage {
  /** Newest first. */
  readonly rollouts: readonly RolloutState[];
  /** undefined on the last page. */
  readonly nextCursor: string | undefined;
}

export interface Rollouts {
  /** Creates the tables. */
  open(): Promise<void>;
  /** Raises ROLLOUT_ACTIVE while the model or the endpoint has another one in progress. */
  start(rollout: NewRollout): Promise<RolloutState>;
  /** Takes one decision on the state as it is now and keeps what it changed, in one transaction. NOT_FOUND for an unknown id. */
  advance(id: string, decide: (state: RolloutState) => RolloutAdvance): Promise<RolloutAdvance>;
  /** Has no effect on a rollout that ended. */
  cancel(id: string, reason: string): Promise<RolloutState>;
  rollout(id: string): Promise<RolloutState>;
  /** All in progress, oldest first. */
  active(): Promise<readonly RolloutState[]>;
  /** The model's rollout in progress, if any. */
  activeOf(model: string): Promise<RolloutState | undefined>;
  list(query: RolloutQuery): Promise<RolloutPage>;
}

interface RolloutTables {
  rollout: { id: string; model: string; endpoint: string; active: number; state: string };
  rollout_decision: { rollout: string; sequence: number; decision: string };
}

/** The partial unique indexes keep the rule even if two processes start at once. */
const MIGRATIONS: readonly SqlMigration[] = [{
  name: "rollouts",
  statements: [
    "create table rollout (id text primary key, model text not null, endpoint text not null, active integer not null, state text not null)",
    "create unique index rollout_active_model on rollout (model) where active = 1",
    "create unique index rollout_active_endpoint on rollout (endpoint) where active = 1",
    "create table rollout_decision (rollout text not null, sequence integer not null, decision text not null, primary key (rollout, sequence))",
  ],
}];

export function createRollouts({ database, clock, ids }: { readonly database: SqlDatabase; readonly clock: Clock; readonly ids: IdSource }): Rollouts {
  const tables = database.as<RolloutTables>();
  const transact = <T>(work: (transaction: Transaction<RolloutTables>) => Promise<T>): Promise<T> => database.transaction<RolloutTables, T>(work);

  return {
    open: () => database.migrate("rollouts", MIGRATIONS),

    start: (rollout) => transact(async (transaction) => {
      await refuseSecond(transaction, rollout);
      const state = startRollout(ids.next(), clock.now(), rollout);
      await transaction.insertInto("rollout").values(rowOf(state)).execute();
      await insertDecisions(transaction, state, 0);
      return state;
    }),

    advance: (id, decide) => transact(async (transaction) => {
      const before = await readOne(transaction, id);
      const advance = decide(before);
      await saveChange(transaction, before, advance.state);
      return advance;
    }),

    cancel: (id, reason) => transact(async (transaction) => {
      const before = await readOne(transaction, id);
      const after = cancelRollout(before, clock.now(), reason);
      await saveChange(transaction, before, after);
      return after;
    }),

    rollout: (id) => readOne(tables, id),
    active: async () => hydrate(tables, await tables.selectFrom("rollout").selectAll().where("active", "=", 1).orderBy("id").execute()),
    activeOf: async (model) => (await hydrate(tables, await tables.selectFrom("rollout").selectAll().where("active", "=", 1).where("model", "=", model).execute()))[0],

    list: async ({ model, endpoint, limit, cursor }) => {
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1_000)) throw new StrataError("REQUEST_INVALID", { reason: `The limit must be 1 to 1,000, not ${limit}.` });
      let query = tables.selectFrom("rollout").selectAll().orderBy("id", "desc").limit(limit + 1);
      if (model !== undefined) query = query.where("model", "=", model);
      if (endpoint !== undefined) query = query.where("endpoint", "=", endpoint);
      if (cursor !== undefined) query = query.where("id", "<", cursor);
      const rows = await query.execute();
      const page = rows.slice(0, limit);
      return { rollouts: await hydrate(tables, page), nextCursor: rows.length > limit ? page.at(-1)?.id : undefined };
    },
  };
}

type Reader = Pick<Kysely<RolloutTables>, "selectFrom">;

async function refuseSecond(transaction: Transaction<RolloutTables>, { model, endpoint, challenger }: NewRollout): Promise<void> {
  const [other] = await transaction.selectFrom("rollout").selectAll().where("active", "=", 1)
    .where((row) => row.or([row("model", "=", model), row("endpoint", "=", endpoint)])).limit(1).execute();
  if (other === undefined) return;
  const active = await readOne(transaction, other.id);
  throw new StrataError("ROLLOUT_ACTIVE", { model, challenger, rollout: active.id, active: active.challenger, phase: active.phase, endpoint: active.endpoint });
}

async function saveChange(transaction: Transaction<RolloutTables>, before: RolloutState, after: RolloutState): Promise<void> {
  if (after.decisions.length === before.decisions.length) return;
  const { active, state } = rowOf(after);
  await transaction.updateTable("rollout").set({ active, state }).where("id", "=", before.id).execute();
  await insertDecisions(transaction, after, before.decisions.length);
}

async function insertDecisions(transaction: Transaction<RolloutTables>, { id, decisions }: RolloutState, from: number): Promise<void> {
  const rows = decisions.slice(from).map((decision, index) => ({ rollout: id, sequence: from + index, decision: canonicalJson(decision) }));
  await transaction.insertInto("rollout_decision").values(rows).execute();
}

async function readOne(reader: Reader, id: string): Promise<RolloutState> {
  const [state] = await hydrate(reader, await reader.selectFrom("rollout").selectAll().where("id", "=", id).execute());
  if (state === undefined) throw new StrataError("NOT_FOUND", { kind: "rollout", name: id, known: "see `strata rollout list`" });
  return state;
}

async function hydrate(reader: Reader, rows: readonly RolloutTables["rollout"][]): Promise<readonly RolloutState[]> {
  if (rows.length === 0) return [];
  const decisions = await reader.selectFrom("rollout_decision").selectAll().where("rollout", "in", rows.map((row) => row.id)).orderBy("sequence").execute();
  const byRollout = Map.groupBy(decisions, (decision) => decision.rollout);
  return rows.map((row) => ({
    ...(JSON.parse(row.state) as Omit<RolloutState, "decisions">), // written by rowOf
    decisions: (byRollout.get(row.id) ?? []).map((item) => JSON.parse(item.decision) as RolloutDecision), // written by insertDecisions
  }));
}

function rowOf(state: RolloutState): RolloutTables["rollout"] {
  const { decisions: _, ...rest } = state;
  return { id: state.id, model: state.model, endpoint: state.endpoint, active: isActive(state) ? 1 : 0, state: canonicalJson(rest) };
}
