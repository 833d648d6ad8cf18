/**
 * The leases of a group of workers, in the relational database: who is alive, who has which unit, under which epoch. One
 * look is one transaction: say that I live, see everything, decide (rebalance.ts), renew and take. Times are the workers'
 * clocks, which must agree to well within a lease; were they not to, work would be handed about, but never done twice:
 * the online store refuses writes under an older epoch.
 */
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import { decideLeases } from "./rebalance.ts";

export interface Lease {
  readonly unit: string;
  /** Grows with every change of hands. */
  readonly epoch: number;
}

export interface LeaseLook {
  /** What I have now, those to put down not included. */
  readonly held: readonly Lease[];
  /** What I have to put down, then `release`. */
  readonly release: readonly Lease[];
  readonly workers: readonly { readonly worker: string; readonly url: string }[];
}

export interface LeaseBook {
  /** Says that this worker lives, renews its leases and takes what is its share. */
  look(units: readonly string[]): Promise<LeaseLook>;
  /** Gives leases up, so that others need not wait for their end. */
  release(leases: readonly Lease[]): Promise<void>;
  /** Gives everything up and leaves the group. */
  leave(): Promise<void>;
  /** Everybody's leases, for reports. */
  all(): Promise<readonly { readonly unit: string; readonly worker: string; readonly epoch: number; readonly expiresAtMs: number }[]>;
}

export interface LeaseBookOptions {
  readonly database: SqlDatabase;
  /** Workers of the same name share the units. */
  readonly group: string;
  readonly worker: string;
  /** Where the worker answers, for others. */
  readonly url: string;
  readonly ttlMs: number;
  readonly now: () => number;
}

interface Tables {
  readonly partition_workers: { readonly worker_group: string; readonly worker: string; readonly url: string; readonly expires_at: number };
  readonly partition_leases: { readonly worker_group: string; readonly unit: string; readonly worker: string; readonly epoch: number; readonly expires_at: number };
}

const MIGRATIONS: readonly SqlMigration[] = [{
  name: "leases",
  statements: [
    "CREATE TABLE partition_workers (worker_group TEXT NOT NULL, worker TEXT NOT NULL, url TEXT NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (worker_group, worker))",
    "CREATE TABLE partition_leases (worker_group TEXT NOT NULL, unit TEXT NOT NULL, worker TEXT NOT NULL, epoch INTEGER NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (worker_group, unit))",
  ],
}];

export async function openLeaseBook({ database, group, worker, url, ttlMs, now }: LeaseBookOptions): Promise<LeaseBook> {
  await database.migrate("partitions", MIGRATIONS);

  const look = (units: readonly string[]): Promise<LeaseLook> => database.transaction<Tables, LeaseLook>(async (transaction) => {
    const nowMs = Math.floor(now());
    await transaction.deleteFrom("partition_workers").where("worker_group", "=", group).where((where) => where.or([where("expires_at", "<=", nowMs), where("worker", "=", worker)])).execute();
    await transaction.insertInto("partition_workers").values({ worker_group: group, worker, url, expires_at: nowMs + ttlMs }).execute();
    const workers = await transaction.selectFrom("partition_workers").select(["worker", "url"]).where("worker_group", "=", group).orderBy("worker").execute();
    const rows = await transaction.selectFrom("partition_leases").selectAll().where("worker_group", "=", group).execute();
    const known = new Map(rows.map((row) => [row.unit, row]));
    const leases = units.map((unit) => ({ unit, worker: known.get(unit)?.worker ?? "", expiresAtMs: known.get(unit)?.expires_at ?? 0 }));
    const { renew, acquire, release } = decideLeases(worker, { units, workers: workers.map((one) => one.worker), leases, nowMs });
    for (const unit of acquire) {
      const row = { worker_group: group, unit, worker, epoch: (known.get(unit)?.epoch ?? 0) + 1, expires_at: nowMs + ttlMs };
      if (known.has(unit)) await transaction.updateTable("partition_leases").set(row).where("worker_group", "=", group).where("unit", "=", unit).execute();
      else await transaction.insertInto("partition_leases").values(row).execute();
      known.set(unit, row);
    }
    if (renew.length + release.length > 0) await transaction.updateTable("partition_leases").set({ expires_at: nowMs + ttlMs }).where("worker_group", "=", group).where("unit", "in", [...renew, ...release]).execute();
    const leaseOf = (unit: string): Lease => ({ unit, epoch: known.get(unit)!.epoch });
    return { held: [...renew, ...acquire].map(leaseOf), release: release.map(leaseOf), workers };
  });

  const release = async (leases: readonly Lease[]): Promise<void> => {
    for (const { unit, epoch } of leases) {
      await database.as<Tables>().updateTable("partition_leases").set({ worker: "", expires_at: 0 })
        .where("worker_group", "=", group).where("unit", "=", unit).where("worker", "=", worker).where("epoch", "=", epoch).execute();
    }
  };

  return {
    look, release,
    leave: async () => {
      await database.as<Tables>().updateTable("partition_leases").set({ worker: "", expires_at: 0 }).where("worker_group", "=", group).where("worker", "=", worker).execute();
      await database.as<Tables>().deleteFrom("partition_workers").where("worker_group", "=", group).where("worker", "=", worker).execute();
    },
    all: async () => (await database.as<Tables>().selectFrom("partition_leases").selectAll().where("worker_group", "=", group).orderBy("unit").execute())
      .map(({ unit, worker: owner, epoch, expires_at }) => ({ unit, worker: owner, epoch, expiresAtMs: expires_at })),
  };
}
