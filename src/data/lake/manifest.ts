/**
 * The lake's manifest in SQL. A file counts from the transaction that records it together with the stream's next
 * offset; whatever else lies in a stream's folder is a leftover of a crash.
 */
import type { Kysely, Transaction } from "kysely";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { LakeFile, StoredField } from "./lake-file.ts";
import { snapshotNotFound, snapshotOf } from "./snapshot.ts";
import type { LakeSnapshot } from "./snapshot.ts";
import { LAKE_MIGRATIONS } from "./tables.ts";
import type { LakeTables } from "./tables.ts";

export interface StreamManifest {
  /** Live files, in offset order. */
  readonly files: readonly LakeFile[];
  /** Events below are in the files. */
  readonly nextOffset: number;
  /** The columns of all fields ever stored. */
  readonly fields: readonly StoredField[];
}

export interface Manifest {
  open(): Promise<void>;
  streams(): Promise<ReadonlyMap<string, StreamManifest>>;
  /** Adds the file and moves the stream's next offset to its end, in one transaction. */
  addFile(stream: string, file: LakeFile): Promise<void>;
  /** Replaces a run of files by the one they were merged into. */
  replaceFiles(stream: string, merged: readonly LakeFile[], by: LakeFile): Promise<void>;
  /** Retired files that no snapshot names. */
  unreferenced(stream: string): Promise<readonly string[]>;
  /** Every file that the manifest knows, retired ones too. */
  fileNames(stream: string): Promise<ReadonlySet<string>>;
  forgetFiles(stream: string, names: readonly string[]): Promise<void>;
  /** Names the live files of this moment and keeps them until the snapshot is forgotten; an equal one that is there already is returned. */
  takeSnapshot(nowMs: number): Promise<LakeSnapshot>;
  /** SNAPSHOT_NOT_FOUND when there is none. */
  snapshot(id: string): Promise<LakeSnapshot>;
  /** Newest first. */
  snapshots(): Promise<readonly { readonly id: string; readonly createdAtMs: number }[]>;
  forgetSnapshot(id: string): Promise<void>;
}

export function createManifest(database: SqlDatabase): Manifest {
  const tables = database.as<LakeTables>();
  const transact = <T>(work: (transaction: Transaction<LakeTables>) => Promise<T>): Promise<T> => database.transaction<LakeTables, T>(work);
  return {
    open: () => database.migrate("lake", LAKE_MIGRATIONS),
    streams: () => transact(readStreams),
    addFile: (stream, file) => transact(async (transaction) => {
      await insertFile(transaction, stream, file);
      await transaction.insertInto("lake_stream").values({ stream, next_offset: file.toOffset })
        .onConflict((conflict) => conflict.column("stream").doUpdateSet({ next_offset: file.toOffset })).execute();
    }),
    replaceFiles: (stream, merged, by) => transact(async (transaction) => {
      await insertFile(transaction, stream, by);
      for (const { name } of merged) await transaction.updateTable("lake_file").set({ retired: 1 }).where("stream", "=", stream).where("file", "=", name).execute();
    }),
    unreferenced: async (stream) => {
      const rows = await tables.selectFrom("lake_file as f").select("f.file").where("f.stream", "=", stream).where("f.retired", "=", 1)
        .where(({ not, exists, selectFrom }) => not(exists(selectFrom("lake_snapshot_file as s").select("s.file").whereRef("s.stream", "=", "f.stream").whereRef("s.file", "=", "f.file"))))
        .orderBy("f.file").execute();
      return rows.map(({ file }) => file);
    },
    fileNames: async (stream) => new Set((await tables.selectFrom("lake_file").select("file").where("stream", "=", stream).execute()).map(({ file }) => file)),
    forgetFiles: (stream, names) => transact(async (transaction) => {
      for (const name of names) await transaction.deleteFrom("lake_file").where("stream", "=", stream).where("file", "=", name).execute();
    }),
    takeSnapshot: (nowMs) => transact(async (transaction) => insertSnapshot(transaction, snapshotOf(await readStreams(transaction), nowMs))),
    snapshot: (id) => readSnapshot(tables, id),
    snapshots: async () => (await tables.selectFrom("lake_snapshot").select(["snapshot", "created_at_ms"]).orderBy("created_at_ms", "desc").orderBy("snapshot").execute())
      .map((row) => ({ id: row.snapshot, createdAtMs: row.created_at_ms })),
    forgetSnapshot: (id) => transact(async (transaction) => {
      await transaction.deleteFrom("lake_snapshot_file").where("snapshot", "=", id).execute();
      await transaction.deleteFrom("lake_snapshot").where("snapshot", "=", id).execute();
    }),
  };
}

async function readStreams(tables: Kysely<LakeTables>): Promise<ReadonlyMap<string, StreamManifest>> {
  const offsets = await tables.selectFrom("lake_stream").selectAll().orderBy("stream").execute();
  const files = await tables.selectFrom("lake_file").select(["stream", "content"]).where("retired", "=", 0).orderBy("stream").orderBy("from_offset").execute();
  const columns = await tables.selectFrom("lake_column").selectAll().execute();
  return new Map(offsets.map(({ stream, next_offset }) => [stream, {
    nextOffset: next_offset,
    files: files.filter((row) => row.stream === stream).map((row) => JSON.parse(row.content) as LakeFile), // written by insertFile only
    fields: columns.filter((row) => row.stream === stream).map(({ field, kind, column_name }) => ({ field, kind: kind as StoredField["kind"], column: column_name })),
  }]));
}

async function insertFile(transaction: Transaction<LakeTables>, stream: string, file: LakeFile): Promise<void> {
  const row = { stream, file: file.name, from_offset: file.fromOffset, to_offset: file.toOffset, retired: 0 as const, content: JSON.stringify(file) };
  await transaction.insertInto("lake_file").values(row).execute();
  for (const { field, kind, column } of file.fields) {
    await transaction.insertInto("lake_column").values({ stream, field, kind, column_name: column })
      .onConflict((conflict) => conflict.columns(["stream", "field", "kind"]).doNothing()).execute();
  }
}

async function insertSnapshot(transaction: Transaction<LakeTables>, snapshot: LakeSnapshot): Promise<LakeSnapshot> {
  const known = await transaction.selectFrom("lake_snapshot").select("content").where("snapshot", "=", snapshot.id).executeTakeFirst();
  if (known) return JSON.parse(known.content) as LakeSnapshot; // written below
  await transaction.insertInto("lake_snapshot").values({ snapshot: snapshot.id, created_at_ms: snapshot.createdAtMs, content: JSON.stringify(snapshot) }).execute();
  for (const [stream, { files }] of Object.entries(snapshot.streams)) {
    for (const { name } of files) await transaction.insertInto("lake_snapshot_file").values({ snapshot: snapshot.id, stream, file: name }).execute();
  }
  return snapshot;
}

async function readSnapshot(tables: Kysely<LakeTables>, id: string): Promise<LakeSnapshot> {
  const row = await tables.selectFrom("lake_snapshot").select("content").where("snapshot", "=", id).executeTakeFirst();
  if (!row) throw snapshotNotFound(id);
  return JSON.parse(row.content) as LakeSnapshot; // written by insertSnapshot only
}
