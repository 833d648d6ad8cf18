/**
 * Tables of the lake: which files hold which offsets of a stream, the physical column of each field, where each file's
 * bytes are, snapshots and who relies on them. A file that was merged into another is retired; its rows are kept, in
 * its own bytes or in those of the file that covers it, while a snapshot names it.
 */
import type { SqlMigration } from "../../ports/sql.ts";

export interface LakeTables {
  lake_stream: { stream: string; next_offset: number };
  /** covered_by: the file that has all rows of this one; empty while its own bytes are the only ones. */
  lake_file: { stream: string; file: string; from_offset: number; to_offset: number; retired: 0 | 1; content: string; covered_by: string };
  lake_column: { stream: string; field: string; kind: string; column_name: string };
  lake_snapshot: { snapshot: string; created_at_ms: number; content: string; note: string };
  lake_snapshot_file: { snapshot: string; stream: string; file: string };
  /** A file without a row is local only, and has no checksum. tier: hot, warm, cold, or gone when another file covers it. */
  lake_place: { stream: string; file: string; tier: string; digest: string; size_bytes: number; checksum: string };
  lake_pin: { snapshot: string; holder: string; pinned_at_ms: number };
}

export const LAKE_MIGRATIONS: readonly SqlMigration[] = [{
  name: "files, columns and snapshots",
  statements: [
    "create table lake_stream (stream text not null primary key, next_offset integer not null)",
    `create table lake_file (
      stream text not null, file text not null, from_offset integer not null, to_offset integer not null, retired integer not null, content text not null,
      primary key (stream, file))`,
    `create table lake_column (
      stream text not null, field text not null, kind text not null, column_name text not null,
      primary key (stream, field, kind), unique (stream, column_name))`,
    "create table lake_snapshot (snapshot text not null primary key, created_at_ms integer not null, content text not null)",
    `create table lake_snapshot_file (
      snapshot text not null, stream text not null, file text not null,
      primary key (snapshot, stream, file), foreign key (snapshot) references lake_snapshot (snapshot) on delete cascade)`,
    "create index lake_snapshot_file_by_file on lake_snapshot_file (stream, file)",
  ],
}, {
  name: "places, covers, pins and notes",
  statements: [
    "alter table lake_file add column covered_by text not null default ''",
    "alter table lake_snapshot add column note text not null default ''",
    `create table lake_place (
      stream text not null, file text not null, tier text not null, digest text not null, size_bytes integer not null,
      primary key (stream, file))`,
    "create index lake_place_by_digest on lake_place (digest)",
    `create table lake_pin (
      snapshot text not null, holder text not null, pinned_at_ms integer not null,
      primary key (snapshot, holder))`,
  ],
}, {
  name: "checksums of local files",
  statements: ["alter table lake_place add column checksum text not null default ''"],
}];
