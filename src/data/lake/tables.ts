/**
 * Tables of the lake: which files hold which offsets of a stream, the physical column of each field, and snapshots.
 * A file that was merged into another is retired; it stays on disk while a snapshot names it.
 */
import type { SqlMigration } from "../../ports/sql.ts";

export interface LakeTables {
  lake_stream: { stream: string; next_offset: number };
  lake_file: { stream: string; file: string; from_offset: number; to_offset: number; retired: 0 | 1; content: string };
  lake_column: { stream: string; field: string; kind: string; column_name: string };
  lake_snapshot: { snapshot: string; created_at_ms: number; content: string };
  lake_snapshot_file: { snapshot: string; stream: string; file: string };
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
}];
