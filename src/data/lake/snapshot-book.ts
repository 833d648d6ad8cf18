/**
 * Snapshots in SQL: taken, named by what relies on them, forgotten only when nothing does, and restored. Every step is
 * one transaction, so that whoever looks finds the lake before it or after it.
 */
import type { Kysely, Transaction } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import { readStreams } from "./manifest.ts";
import { snapshotNotFound, snapshotOf, streamOf } from "./snapshot.ts";
import type { LakeSnapshot } from "./snapshot.ts";
import type { LakeTables } from "./tables.ts";

export interface SnapshotSummary {
  readonly id: string;
  readonly createdAtMs: number;
  readonly note: string;
  /** What relies on it, such as "run 01J…"; a snapshot with a pin cannot be forgotten. */
  readonly pins: readonly string[];
  readonly rows: number;
  readonly files: number;
}

export interface RestoredStream {
  readonly stream: string;
  /** Where the log is followed from now on. */
  readonly nextOffset: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
}

export interface RestoreChoice {
  readonly snapshot: LakeSnapshot;
  readonly streams: readonly string[];
  /** true: what the log has after the snapshot is stored again; false: it stays set aside, and the log is followed from where it was. */
  readonly isReplayed: boolean;
  readonly undoNote: string;
}

export interface SnapshotBook {
  /** Names the live files of this moment and keeps them until the snapshot is forgotten; an equal one that is there already is returned. */
  take(nowMs: number, note: string): Promise<LakeSnapshot>;
  /** The live files of this moment, with no record of it. */
  present(nowMs: number): Promise<LakeSnapshot>;
  /** By its id or the beginning of it, at least 6 digits. SNAPSHOT_NOT_FOUND when there is none, REQUEST_INVALID when there are several. */
  find(id: string): Promise<LakeSnapshot>;
  /** Newest first. */
  list(): Promise<readonly SnapshotSummary[]>;
  pin(id: string, holder: string, nowMs: number): Promise<void>;
  unpin(id: string, holder: string): Promise<void>;
  /** SNAPSHOT_PINNED while something relies on it; no error when there is none. */
  forget(id: string): Promise<void>;
  /** Makes the snapshot's files the live ones of these streams; the present state becomes a snapshot first. */
  restore(choice: RestoreChoice, nowMs: number): Promise<{ readonly undo: LakeSnapshot; readonly streams: readonly RestoredStream[] }>;
}

const FEWEST_DIGITS = 6;

export function createSnapshotBook(database: SqlDatabase): SnapshotBook {
  const tables = database.as<LakeTables>();
  const transact = <T>(work: (transaction: Transaction<LakeTables>) => Promise<T>): Promise<T> => database.transaction<LakeTables, T>(work);
  return {
    take: (nowMs, note) => transact((transaction) => take(transaction, nowMs, note)),
    present: (nowMs) => transact(async (transaction) => snapshotOf(await readStreams(transaction), nowMs)),
    find: (id) => find(tables, id),
    list: () => transact(list),
    pin: (id, holder, nowMs) => transact(async (transaction) => {
      const { id: whole } = await find(transaction, id);
      await transaction.insertInto("lake_pin").values({ snapshot: whole, holder, pinned_at_ms: nowMs }).onConflict((conflict) => conflict.columns(["snapshot", "holder"]).doNothing()).execute();
    }),
    unpin: async (id, holder) => { await tables.deleteFrom("lake_pin").where("snapshot", "=", id).where("holder", "=", holder).execute(); },
    forget: (id) => transact((transaction) => forget(transaction, id)),
    restore: (choice, nowMs) => transact((transaction) => restore(transaction, choice, nowMs)),
  };
}

async function take(transaction: Transaction<LakeTables>, nowMs: number, note: string): Promise<LakeSnapshot> {
  const snapshot = snapshotOf(await readStreams(transaction), nowMs);
  const known = await transaction.selectFrom("lake_snapshot").select("content").where("snapshot", "=", snapshot.id).executeTakeFirst();
  if (known) {
    if (note !== "") await transaction.updateTable("lake_snapshot").set({ note }).where("snapshot", "=", snapshot.id).where("note", "=", "").execute();
    return JSON.parse(known.content) as LakeSnapshot; // written below
  }
  await transaction.insertInto("lake_snapshot").values({ snapshot: snapshot.id, created_at_ms: snapshot.createdAtMs, content: JSON.stringify(snapshot), note }).execute();
  for (const [stream, { files }] of Object.entries(snapshot.streams)) {
    for (const { name } of files) await transaction.insertInto("lake_snapshot_file").values({ snapshot: snapshot.id, stream, file: name }).execute();
  }
  return snapshot;
}

async function find(tables: Kysely<LakeTables>, id: string): Promise<LakeSnapshot> {
  if (!/^[0-9a-f]+$/.test(id) || id.length < FEWEST_DIGITS) throw snapshotNotFound(id);
  const rows = await tables.selectFrom("lake_snapshot").select("content").where("snapshot", "like", `${id}%`).limit(2).execute();
  const [row, another] = rows;
  if (!row) throw snapshotNotFound(id);
  if (another) throw new StrataError("REQUEST_INVALID", { reason: `Several snapshots begin with ${id}; write more of the id.` });
  return JSON.parse(row.content) as LakeSnapshot; // written by take only
}

async function list(tables: Kysely<LakeTables>): Promise<readonly SnapshotSummary[]> {
  const rows = await tables.selectFrom("lake_snapshot").selectAll().orderBy("created_at_ms", "desc").orderBy("snapshot").execute();
  const pins = Map.groupBy(await tables.selectFrom("lake_pin").selectAll().orderBy("pinned_at_ms").orderBy("holder").execute(), ({ snapshot }) => snapshot);
  return rows.map((row) => {
    const streams = Object.values((JSON.parse(row.content) as LakeSnapshot).streams); // written by take only
    return {
      id: row.snapshot, createdAtMs: row.created_at_ms, note: row.note, pins: (pins.get(row.snapshot) ?? []).map(({ holder }) => holder),
      rows: streams.reduce((sum, stream) => sum + stream.rows, 0), files: streams.reduce((sum, { files }) => sum + files.length, 0),
    };
  });
}

async function forget(transaction: Transaction<LakeTables>, id: string): Promise<void> {
  const pins = await transaction.selectFrom("lake_pin").select("holder").where("snapshot", "=", id).orderBy("holder").execute();
  if (pins.length > 0) throw new StrataError("SNAPSHOT_PINNED", { snapshot: id, holders: pins.map(({ holder }) => holder).join(", ") });
  await transaction.deleteFrom("lake_snapshot_file").where("snapshot", "=", id).execute();
  await transaction.deleteFrom("lake_snapshot").where("snapshot", "=", id).execute();
}

async function restore(transaction: Transaction<LakeTables>, { snapshot, streams, isReplayed, undoNote }: RestoreChoice, nowMs: number) {
  await find(transaction, snapshot.id); // it may have been forgotten meanwhile
  const undo = await take(transaction, nowMs, undoNote);
  const restored: RestoredStream[] = [];
  for (const stream of streams) {
    const { files, rows, endOffset } = streamOf(snapshot, stream);
    await transaction.updateTable("lake_file").set({ retired: 1 }).where("stream", "=", stream).where("retired", "=", 0).execute();
    for (const { name } of files) await transaction.updateTable("lake_file").set({ retired: 0 }).where("stream", "=", stream).where("file", "=", name).execute();
    if (isReplayed) await transaction.updateTable("lake_stream").set({ next_offset: endOffset }).where("stream", "=", stream).execute();
    const before = streamOf(undo, stream);
    restored.push({ stream, nextOffset: isReplayed ? endOffset : before.endOffset, rowsBefore: before.rows, rowsAfter: rows });
  }
  return { undo, streams: restored };
}
