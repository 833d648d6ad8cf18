/**
 * `strata migrate`: copies what the engines of one profile hold into those of another and proves that both hold the same. Only engines
 * whose address changes are touched; the source is only read. Nothing else may run on either side.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { lockFolder } from "../../engines/embedded/folder-lock.ts";
import { systemClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { openBlobs, openDatabase, openLedgerArchive, openLog, openStates, openTrafficDatabase, type EnginePlace, type MaybeOpen } from "../profile-engines.ts";
import { maskAddress, type Environment, type Profile, type ProfileKey } from "../profile.ts";
import { copyLog, createAcceptanceClock } from "./copy-log.ts";
import { copyBlobs, copyLedger, copyStates } from "./copy-stores.ts";
import { copyTables } from "./copy-tables.ts";
import type { Comparison } from "./equality.ts";

export interface MigrationOptions {
  readonly dataDir: string;
  /** File of the embedded ledger. */
  readonly ledgerFile: string;
  readonly segmentBytes: number;
  readonly from: Profile;
  readonly to: Profile;
  readonly environment: Environment;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string, done: number, total: number) => void;
}

export interface MigrationReport {
  readonly moved: readonly { readonly engine: ProfileKey; readonly from: string; readonly to: string }[];
  readonly comparisons: readonly Comparison[];
  /** True only when every comparison holds. */
  readonly equal: boolean;
}

/** What is copied; online features and limits are derived or forgotten, and built anew. */
const COPIED = ["log", "blobs", "database", "states", "ledger"] as const satisfies readonly ProfileKey[];
/** Lies in a file of its own where it is embedded. */
const TRAFFIC = "served-traffic";
const NOTHING = "nothing";

/** DATA_DIR_LOCKED while Strata runs on the folder; MIGRATION_REFUSED where the target cannot become a copy. */
export async function migrateEngines(options: MigrationOptions): Promise<MigrationReport> {
  const { from, to, signal } = options;
  const moved = COPIED.filter((key) => from.addresses[key]?.href !== to.addresses[key]?.href);
  if (moved.length === 0) throw new StrataError("MIGRATION_REFUSED", { what: "the data", reason: "both profiles name the same engines" });
  await mkdir(options.dataDir, { recursive: true });
  await using stack = new AsyncDisposableStack();
  await lockPlaces(options, stack);
  const comparisons: Comparison[] = [];
  for (const key of moved) {
    if (signal.aborted) throw new StrataError("ABORTED", { what: "The migration" });
    comparisons.push(...await MOVES[key](options));
  }
  const nameOf = (profile: Profile, key: ProfileKey): string => (profile.addresses[key] === undefined ? `embedded in ${options.dataDir}` : maskAddress(profile.addresses[key]));
  return { moved: moved.map((engine) => ({ engine, from: nameOf(from, engine), to: nameOf(to, engine) })), comparisons, equal: comparisons.every(({ equal }) => equal) };
}

/** As a running Strata would hold them: the folder where a log lies on a server, the log's own folder where it is embedded. */
async function lockPlaces({ dataDir, from, to }: MigrationOptions, stack: AsyncDisposableStack): Promise<void> {
  const hold = async (folder: string): Promise<void> => {
    const lock = await lockFolder(folder);
    stack.defer(() => lock.release());
  };
  await hold(dataDir);
  const movesLog = from.addresses.log?.href !== to.addresses.log?.href;
  if (!movesLog && from.addresses.log === undefined && existsSync(join(dataDir, "log"))) await hold(join(dataDir, "log"));
}

type Move = (options: MigrationOptions) => Promise<readonly Comparison[]>;

const MOVES: Readonly<Record<(typeof COPIED)[number], Move>> = {
  log: async (options) => {
    const { segmentBytes, signal, onProgress } = options;
    const acceptance = createAcceptanceClock(systemClock);
    await using stack = new AsyncDisposableStack();
    const blobs = owned(stack, await openBlobs(placeOf(options, options.from))); // where cold segments may lie
    await using source = await openLog(placeOf(options, options.from), segmentBytes, () => blobs);
    await using target = await openLog({ ...placeOf(options, options.to), clock: acceptance }, segmentBytes);
    const comparisons: Comparison[] = [];
    for (const name of source.logs()) comparisons.push(await copyLog(name, { source, target, acceptance, signal, onProgress: (done, total) => onProgress(`log ${name}`, done, total) }));
    return comparisons;
  },
  blobs: async (options) => {
    await using stack = new AsyncDisposableStack();
    const source = owned(stack, await openBlobs(placeOf(options, options.from)));
    const target = owned(stack, await openBlobs(placeOf(options, options.to)));
    return [await copyBlobs({ source, target }, (done, total) => options.onProgress("blobs", done, total))];
  },
  database: async (options) => {
    const onProgress = (table: string, rows: number): void => options.onProgress(`table ${table}`, rows, rows);
    const copy = async (open: (profile: Profile) => Promise<SqlDatabase>, isWanted: (domain: string) => boolean): Promise<readonly Comparison[]> => {
      await using source = await open(options.from);
      await using target = await open(options.to);
      await source.migrate(NOTHING, []); // a database that was never used has no table of migrations yet
      return await copyTables({ source, target, onProgress, isWanted });
    };
    return [
      ...await copy((profile) => openDatabase(placeOf(options, profile)), (domain) => domain !== TRAFFIC),
      ...await copy((profile) => openTrafficDatabase({ dataDir: options.dataDir, profile }), (domain) => domain === TRAFFIC),
    ];
  },
  states: async (options) => {
    await using stack = new AsyncDisposableStack();
    const source = owned(stack, await openStates(placeOf(options, options.from)));
    const target = owned(stack, await openStates(placeOf(options, options.to)));
    return await copyStates({ source, target }, (done, total) => options.onProgress("checkpoints", done, total));
  },
  ledger: async (options) => {
    await using source = await openLedgerArchive({ profile: options.from, file: options.ledgerFile });
    await using target = await openLedgerArchive({ profile: options.to, file: options.ledgerFile });
    return await copyLedger({ source, target }, (done, total) => options.onProgress("ledger", done, total));
  },
};

function placeOf({ dataDir, environment, logger }: MigrationOptions, profile: Profile): EnginePlace {
  return { dataDir, profile, environment, logger, clock: systemClock };
}

function owned<T extends object>(stack: AsyncDisposableStack, opened: MaybeOpen<T>): T {
  const close = opened[Symbol.asyncDispose];
  if (close !== undefined) stack.defer(() => close());
  return opened;
}
