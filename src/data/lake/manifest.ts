/**
 * The lake's manifest in SQL: files, their places, and each stream's next offset. A file counts from the transaction
 * that records it together with the next offset; whatever else lies in a stream's folder is a leftover of a crash.
 */
import type { Kysely, Transaction } from "kysely";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { FileBook, FilePlace, FileRecord } from "./file-book.ts";
import type { LakeFile, StoredField } from "./lake-file.ts";
import { LAKE_MIGRATIONS } from "./tables.ts";
import type { LakeTables } from "./tables.ts";

export interface StreamManifest {
  /** Live files, in offset order. */
  readonly files: readonly LakeFile[];
  /** Events below were stored: they are in the files, or were set aside by a restore. */
  readonly nextOffset: number;
  /** The columns of all fields ever stored. */
  readonly fields: readonly StoredField[];
}

export interface Manifest {
  open(): Promise<void>;
  streams(): Promise<ReadonlyMap<string, StreamManifest>>;
  /** Every file that is known of a stream, by name. */
  book(stream: string): Promise<FileBook>;
  /** Adds the file and moves the stream's next offset to its end, in one transaction. */
  addFile(stream: string, file: LakeFile, place: FilePlace): Promise<void>;
  /** Replaces a run of files by the one they were written into, which covers them from now on. */
  replaceFiles(stream: string, merged: readonly LakeFile[], by: { readonly file: LakeFile; readonly place: FilePlace }): Promise<void>;
  /** The file's bytes are there from now on, and are these. */
  moveFile(stream: string, name: string, place: FilePlace): Promise<void>;
  /** In one transaction: the records go, and what stays is marked as having no bytes of its own. */
  removed(stream: string, removed: { readonly records: readonly string[]; readonly bytes: readonly string[] }): Promise<void>;
  /** Whether a file other than these names the blob. */
  isBlobNeeded(digest: string, except: { readonly stream: string; readonly names: readonly string[] }): Promise<boolean>;
}

export function createManifest(database: SqlDatabase): Manifest {
  const tables = database.as<LakeTables>();
  const transact = <T>(work: (transaction: Transaction<LakeTables>) => Promise<T>): Promise<T> => database.transaction<LakeTables, T>(work);
  return {
    open: () => database.migrate("lake", LAKE_MIGRATIONS),
    streams: () => transact(readStreams),
    book: (stream) => transact((transaction) => readBook(transaction, stream)),
    addFile: (stream, file, place) => transact(async (transaction) => {
      await insertFile(transaction, stream, { file, place });
      await transaction.insertInto("lake_stream").values({ stream, next_offset: file.toOffset })
        .onConflict((conflict) => conflict.column("stream").doUpdateSet({ next_offset: file.toOffset })).execute();
    }),
    replaceFiles: (stream, merged, by) => transact(async (transaction) => {
      await insertFile(transaction, stream, by);
      const names = merged.map(({ name }) => name);
      // Files that these covered are covered by the new one too, so that nothing is reached through two steps for ever.
      await transaction.updateTable("lake_file").set({ covered_by: by.file.name }).where("stream", "=", stream).where("covered_by", "in", names).execute();
      await transaction.updateTable("lake_file").set({ retired: 1, covered_by: by.file.name }).where("stream", "=", stream).where("file", "in", names).execute();
    }),
    moveFile: (stream, name, place) => transact((transaction) => setPlace(transaction, { stream, file: name }, place)),
    removed: (stream, { records, bytes }) => transact(async (transaction) => {
      for (const file of bytes) await setPlace(transaction, { stream, file }, { tier: "gone", digest: undefined, sizeBytes: 0 });
      for (const file of records) {
        await transaction.deleteFrom("lake_file").where("stream", "=", stream).where("file", "=", file).execute();
        await transaction.deleteFrom("lake_place").where("stream", "=", stream).where("file", "=", file).execute();
      }
    }),
    isBlobNeeded: async (digest, { stream, names }) => {
      const rows = await tables.selectFrom("lake_place").select(["stream", "file"]).where("digest", "=", digest).execute();
      return rows.some((row) => row.stream !== stream || !names.includes(row.file));
    },
  };
}

export async function readStreams(tables: Kysely<LakeTables>): Promise<ReadonlyMap<string, StreamManifest>> {
  const offsets = await tables.selectFrom("lake_stream").selectAll().orderBy("stream").execute();
  const files = await tables.selectFrom("lake_file").select(["stream", "content"]).where("retired", "=", 0).orderBy("stream").orderBy("from_offset").execute();
  const columns = await tables.selectFrom("lake_column").selectAll().execute();
  const filesOf = Map.groupBy(files, ({ stream }) => stream);
  const columnsOf = Map.groupBy(columns, ({ stream }) => stream);
  return new Map(offsets.map(({ stream, next_offset }) => [stream, {
    nextOffset: next_offset,
    files: (filesOf.get(stream) ?? []).map((row) => JSON.parse(row.content) as LakeFile), // written by insertFile only
    fields: (columnsOf.get(stream) ?? []).map(({ field, kind, column_name }) => ({ field, kind: kind as StoredField["kind"], column: column_name })),
  }]));
}

async function readBook(tables: Kysely<LakeTables>, stream: string): Promise<FileBook> {
  const files = await tables.selectFrom("lake_file").select(["file", "retired", "content", "covered_by"]).where("stream", "=", stream).orderBy("from_offset").execute();
  const places = await tables.selectFrom("lake_place").selectAll().where("stream", "=", stream).execute();
  const named = await tables.selectFrom("lake_snapshot_file").select("file").distinct().where("stream", "=", stream).execute();
  const placeOf = new Map(places.map((row) => [row.file, { tier: row.tier as FilePlace["tier"], digest: row.digest === "" ? undefined : row.digest, sizeBytes: row.size_bytes, checksum: row.checksum === "" ? undefined : row.checksum }]));
  const names = new Set(named.map(({ file }) => file));
  return new Map(files.map((row): [string, FileRecord] => {
    const file = JSON.parse(row.content) as LakeFile; // written by insertFile only
    const place = placeOf.get(row.file) ?? { tier: "hot", digest: undefined, sizeBytes: file.sizeBytes };
    return [row.file, { file, isLive: row.retired === 0, isNamed: names.has(row.file), coveredBy: row.covered_by === "" ? undefined : row.covered_by, place }];
  }));
}

async function insertFile(transaction: Transaction<LakeTables>, stream: string, { file, place }: { readonly file: LakeFile; readonly place: FilePlace }): Promise<void> {
  const row = { stream, file: file.name, from_offset: file.fromOffset, to_offset: file.toOffset, retired: 0 as const, content: JSON.stringify(file), covered_by: "" };
  await transaction.insertInto("lake_file").values(row).execute();
  if (place.tier !== "hot" || place.digest !== undefined || place.checksum !== undefined) await setPlace(transaction, { stream, file: file.name }, place);
  for (const { field, kind, column } of file.fields) {
    await transaction.insertInto("lake_column").values({ stream, field, kind, column_name: column })
      .onConflict((conflict) => conflict.columns(["stream", "field", "kind"]).doNothing()).execute();
  }
}

async function setPlace(transaction: Transaction<LakeTables>, key: { readonly stream: string; readonly file: string }, place: FilePlace): Promise<void> {
  const values = { tier: place.tier, digest: place.digest ?? "", size_bytes: place.sizeBytes, checksum: place.checksum ?? "" };
  await transaction.insertInto("lake_place").values({ ...key, ...values })
    .onConflict((conflict) => conflict.columns(["stream", "file"]).doUpdateSet(values)).execute();
}
