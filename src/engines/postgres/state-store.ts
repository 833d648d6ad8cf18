/**
 * State checkpoints in PostgreSQL: per name the newest and the one before it, each with its offsets, in pieces of 1 MiB. A
 * save is one transaction, so a crash leaves the old checkpoint or the new one; a damaged one gives way to the one before.
 */
import { crc32 } from "node:zlib";
import { StrataError } from "../../kernel/errors.ts";
import type { StateCheckpoint, StateStore } from "../../ports/state-store.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { openPostgresPool, type PostgresOptions, type PostgresPool } from "./postgres-pool.ts";
import { createPostgresSession, type PostgresSession } from "./postgres-session.ts";
import { inTransaction, untilKept } from "./transaction.ts";

export interface PostgresStateStoreOptions extends PostgresOptions {
  readonly logger?: Logger;
}

const TABLES = [
  'CREATE TABLE IF NOT EXISTS state_checkpoint (name text COLLATE "C" NOT NULL, generation bigint NOT NULL, offsets text NOT NULL, size_bytes bigint NOT NULL, checksum bigint NOT NULL, PRIMARY KEY (name, generation))',
  'CREATE TABLE IF NOT EXISTS state_piece (name text COLLATE "C" NOT NULL, generation bigint NOT NULL, position bigint NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (name, generation, position))',
];

/** Any number that nobody else takes: "states" in ASCII. */
const TABLE_LOCK = 0x737461746573;
const PIECE_BYTES = 1024 * 1024;

interface CheckpointRow { readonly name: string; readonly generation: number; readonly offsets: string; readonly size_bytes: number; readonly checksum: number }

/** RUNTIME_MISSING without pg; ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function openPostgresStateStore(options: PostgresStateStoreOptions): Promise<StateStore & AsyncDisposable> {
  const { logger = silentLogger } = options;
  const pool = await openPostgresPool(options);
  await inTransaction(pool, { isolation: "READ COMMITTED", lock: TABLE_LOCK }, async (session) => {
    for (const statement of TABLES) await session.query(statement);
  });
  const inTurn = createTurns();
  /** The generation of a name that this process wrote: it need not be read to know that it is whole. */
  const whole = new Map<string, number>();
  let closing: Promise<void> | undefined;
  const guarded = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw new StrataError("CLOSED", { what: `The state store ${pool.place}` });
    return inTurn(requireName(name), work);
  };
  return {
    save: (name, checkpoint) => guarded(name, () => inTransaction(pool, { isolation: "SERIALIZABLE" }, (session) => save(session, { name, checkpoint, whole: whole.get(name) })).then((generation) => void whole.set(name, generation))),
    load: (name) => guarded(name, () => load(pool, name, logger)),
    delete: (name) => guarded(name, () => inTransaction(pool, { isolation: "SERIALIZABLE" }, async (session) => {
      for (const table of ["state_piece", "state_checkpoint"]) await session.query(`DELETE FROM ${table} WHERE name = $1`, [name]);
    })),
    names: () => guarded("names", async () => {
      const { rows } = await reading(pool, (session) => session.query("SELECT DISTINCT name FROM state_checkpoint"));
      return (rows as CheckpointRow[]).map(({ name }) => name).toSorted();
    }),
    [Symbol.asyncDispose]: () => closing ??= inTurn.idle().then(() => pool.close()),
  };
}

interface Save { readonly name: string; readonly checkpoint: StateCheckpoint; readonly whole: number | undefined }

/** Returns the generation that was written. */
async function save(session: PostgresSession, { name, checkpoint: { offsets, bytes }, whole }: Save): Promise<number> {
  const [newest, previous] = await generations(session, name);
  const isWhole = newest === undefined || newest.generation === whole || typeof await read(session, newest) === "object";
  const generation = (newest?.generation ?? 0) + 1;
  await session.query("INSERT INTO state_checkpoint VALUES ($1, $2, $3, $4, $5)", [name, generation, JSON.stringify(offsets), bytes.length, checksumOf(JSON.stringify(offsets), bytes)]);
  for (let at = 0, position = 0; at < bytes.length; at += PIECE_BYTES, position++) {
    await session.query("INSERT INTO state_piece VALUES ($1, $2, $3, $4)", [name, generation, position, bytes.subarray(at, at + PIECE_BYTES)]);
  }
  const out = isWhole ? previous : newest; // a damaged one must not push out a whole one
  if (out === undefined) return generation;
  for (const table of ["state_piece", "state_checkpoint"]) await session.query(`DELETE FROM ${table} WHERE name = $1 AND generation = $2`, [name, out.generation]);
  return generation;
}

/** Newest first. */
async function generations(session: PostgresSession, name: string): Promise<readonly CheckpointRow[]> {
  return (await session.query("SELECT * FROM state_checkpoint WHERE name = $1 ORDER BY generation DESC", [name])).rows as CheckpointRow[];
}

async function load(pool: PostgresPool, name: string, logger: Logger): Promise<StateCheckpoint | undefined> {
  const reasons: string[] = [];
  const found = await inTransaction(pool, { isolation: "SERIALIZABLE", readOnly: true }, async (session) => {
    reasons.length = 0;
    for (const row of await generations(session, name)) {
      const checkpoint = await read(session, row);
      if (typeof checkpoint === "object") return checkpoint;
      reasons.push(checkpoint);
    }
    return undefined;
  });
  if (found === undefined && reasons.length > 0) throw new StrataError("STATE_CORRUPT", { file: `${name} at ${pool.place}`, reason: reasons[0] });
  if (reasons.length > 0) logger.log("error", `State checkpoint "${name}" is damaged (${reasons[0]}); the one before it is used`, { place: pool.place });
  return found;
}

/** The checkpoint, or in words what is wrong with it. */
async function read(session: PostgresSession, { name, generation, offsets, size_bytes: sizeBytes, checksum }: CheckpointRow): Promise<StateCheckpoint | string> {
  const { rows } = await session.query("SELECT bytes FROM state_piece WHERE name = $1 AND generation = $2 ORDER BY position", [name, generation]);
  const bytes = Buffer.concat((rows as { readonly bytes: Buffer }[]).map((row) => row.bytes));
  if (bytes.length !== sizeBytes) return `it has ${bytes.length} of ${sizeBytes} bytes`;
  if (checksumOf(offsets, bytes) !== checksum) return "its checksum does not hold";
  return { offsets: JSON.parse(offsets) as Record<string, number>, bytes }; // the checksum says that `save` wrote it
}

const checksumOf = (offsets: string, bytes: Uint8Array): number => crc32(bytes, crc32(offsets));

function reading<T>(pool: PostgresPool, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  return untilKept(pool.timeoutMs, async () => {
    const session = createPostgresSession(pool);
    return work(session).finally(() => session.release());
  });
}

function requireName(name: string): string {
  if (name === "" || !name.isWellFormed() || name.includes("\0")) throw new StrataError("REQUEST_INVALID", { reason: `${JSON.stringify(name)} cannot name stored data: it must be non-empty, well-formed text.` });
  return name;
}

interface Turns {
  <T>(name: string, work: () => Promise<T>): Promise<T>;
  idle(): Promise<unknown>;
}

/** Runs the work of one name one after another, in call order. */
function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = (last.get(name) ?? Promise.resolve()).then(work, work);
    last.set(name, turn);
    const forget = (): void => {
      if (last.get(name) === turn) last.delete(name);
    };
    turn.then(forget, forget);
    return turn;
  };
  return Object.assign(inTurn, { idle: () => Promise.allSettled(last.values()) });
}
