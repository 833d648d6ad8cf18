/**
 * A member of a group of workers: looks at the leases again and again, runs the units it holds, puts down those that are
 * others' now. A unit that failed is tried again at the next look. A worker that cannot look for longer than a lease
 * stops by itself, as others will have taken over.
 */
import type { Clock } from "../../kernel/clock.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Lease, LeaseBook } from "./lease-book.ts";
import type { PartitionUnit } from "./partition-plan.ts";
import type { UnitRun } from "./unit-runner.ts";

export interface PartitionWorker extends AsyncDisposable {
  /** Looks for the first time, then again and again. */
  start(): Promise<void>;
  /** Stores what was applied, gives the leases up and leaves the group. */
  stop(): Promise<void>;
  status(): readonly UnitStatus[];
}

export interface UnitStatus {
  readonly unit: string;
  readonly epoch: number;
  readonly storedOffset: number;
}

export interface PartitionWorkerOptions {
  readonly units: readonly PartitionUnit[];
  readonly leases: LeaseBook;
  readonly run: (unit: PartitionUnit, epoch: number) => UnitRun;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Looks per lease: three may fail before it ends. */
const LOOKS_PER_LEASE = 4;

interface Running extends UnitRun {
  readonly epoch: number;
  isOver: boolean;
}

export function createPartitionWorker({ units, leases, run, ttlMs, clock, logger }: PartitionWorkerOptions): PartitionWorker {
  const byName = new Map(units.map((unit) => [unit.name, unit]));
  const names = units.map(({ name }) => name);
  const running = new Map<string, Running>();
  let stopping = false;
  let heldUntilMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  const begin = ({ unit, epoch }: Lease): void => {
    const started = run(byName.get(unit)!, epoch);
    const entry: Running = { ...started, epoch, isOver: false };
    running.set(unit, entry);
    logger.log("info", `Working on "${unit}" (epoch ${epoch})`, { unit, epoch });
    started.ended.then(
      (how) => { if (how === "fenced") logger.log("warn", `Another worker has "${unit}": this one stopped writing (epoch ${epoch})`, { unit, epoch }); },
      (thrown: unknown) => logger.log("error", `Unit "${unit}" failed and is begun again: ${reasonOf(thrown)}`, { unit, epoch }),
    ).finally(() => { entry.isOver = true; });
  };
  const end = async (unit: string): Promise<void> => {
    const entry = running.get(unit);
    if (entry === undefined) return;
    entry.stop();
    await entry.ended.catch(() => undefined); // told above
    if (running.get(unit) === entry) running.delete(unit);
  };

  const look = async (): Promise<void> => {
    const { held, release } = await leases.look(names);
    heldUntilMs = clock.now() + ttlMs;
    const epochs = new Map(held.map(({ unit, epoch }) => [unit, epoch]));
    for (const [unit, entry] of running) if (entry.epoch !== epochs.get(unit) || entry.isOver) await end(unit);
    for (const lease of held) if (!running.has(lease.unit)) begin(lease);
    await leases.release(release);
  };
  const lookAgain = (): void => {
    looking = look().catch(async (thrown: unknown) => {
      logger.log("warn", `The leases could not be read: ${reasonOf(thrown)}`);
      if (clock.now() > heldUntilMs) await Promise.all([...running.keys()].map(end)); // others will have taken over
    }).finally(() => {
      if (!stopping) timer = setTimeout(lookAgain, ttlMs / LOOKS_PER_LEASE);
    });
  };

  const worker: PartitionWorker = {
    start: async () => {
      await look();
      timer = setTimeout(lookAgain, ttlMs / LOOKS_PER_LEASE);
    },
    stop: async () => {
      if (stopping) return;
      stopping = true;
      clearTimeout(timer);
      await looking;
      clearTimeout(timer);
      await Promise.all([...running.keys()].map(end));
      await leases.leave().catch((thrown: unknown) => logger.log("warn", `Left without giving the leases up: ${reasonOf(thrown)}`));
    },
    status: () => Array.from(running, ([unit, { epoch, storedOffset }]) => ({ unit, epoch, storedOffset: storedOffset() })).toSorted((a, b) => (a.unit < b.unit ? -1 : 1)),
    [Symbol.asyncDispose]: () => worker.stop(),
  };
  return worker;
}
