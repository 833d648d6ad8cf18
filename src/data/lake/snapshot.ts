/** A snapshot names the exact files of every stream, so that a training run can be repeated on the same events. */
import { StrataError } from "../../kernel/errors.ts";
import { hashOf } from "../../kernel/hash.ts";
import type { LakeFile } from "./lake-file.ts";

export interface StreamSnapshot {
  /** In offset order. */
  readonly files: readonly LakeFile[];
  readonly rows: number;
  /** Events below this offset are in the snapshot. */
  readonly endOffset: number;
}

export interface LakeSnapshot {
  /** SHA-256 of `streams`: equal contents have equal ids. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly streams: Readonly<Record<string, StreamSnapshot>>;
}

/** The snapshot of a manifest: each stream's live files and next offset. */
export function snapshotOf(manifest: ReadonlyMap<string, { readonly files: readonly LakeFile[]; readonly nextOffset: number }>, createdAtMs: number): LakeSnapshot {
  const streams = Object.fromEntries([...manifest].map(([stream, { files, nextOffset }]): [string, StreamSnapshot] =>
    [stream, { files, rows: files.reduce((sum, file) => sum + file.rows, 0), endOffset: nextOffset }]));
  return { id: hashOf(streams), createdAtMs, streams };
}

/** The stream's part; a stream without events has an empty one. */
export function streamOf(snapshot: LakeSnapshot, stream: string): StreamSnapshot {
  return Object.hasOwn(snapshot.streams, stream) ? snapshot.streams[stream]! : { files: [], rows: 0, endOffset: 0 };
}

export function snapshotNotFound(snapshot: string): StrataError {
  return new StrataError("SNAPSHOT_NOT_FOUND", { snapshot });
}
