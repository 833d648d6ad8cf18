/**
 * Sees to it that nobody reads a local file of the lake that is not what was written. A file's bytes are looked at
 * before its first use in this process, and again when its size or its time of change is another. What is damaged comes
 * back from the blob store or from the log where either has it; else it is refused, with what is lost and why.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Analytics, FileStamp } from "../../ports/analytics.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { FilePlace, FileRecord } from "./file-book.ts";
import type { FileRepair } from "./file-repair.ts";
import type { Manifest } from "./manifest.ts";

/** fetched: the local copy was damaged and is gone, the blob store has the bytes. rebuilt: written again from the log. */
export type FileState = "whole" | "fetched" | "rebuilt";

export interface FileGuard {
  /** LAKE_FILE_DAMAGED when the bytes are not what was written and nothing has them. `again`: looks at the bytes in any case. */
  check(stream: string, record: FileRecord, path: string, options?: { readonly again?: boolean }): Promise<FileState>;
  forget(path: string): void;
}

export interface FileGuardOptions {
  readonly analytics: Analytics;
  readonly manifest: Manifest;
  /** Absent where the log is not at hand. */
  readonly repair?: FileRepair | undefined;
  readonly logger?: Logger | undefined;
}

export function createFileGuard({ analytics, manifest, repair, logger }: FileGuardOptions): FileGuard {
  /** Files that were whole, as they were then. */
  const known = new Map<string, FileStamp>();
  const running = new Map<string, Promise<FileState>>();

  /** What is wrong with the file; undefined when it is whole. */
  const damageOf = async (path: string, { digest, checksum, sizeBytes }: FilePlace, { again = false }: { readonly again?: boolean }): Promise<string | undefined> => {
    const stamp = await analytics.stamp(path);
    if (stamp === undefined) return "it is missing";
    if (stamp.sizeBytes !== sizeBytes) return `it has ${stamp.sizeBytes} bytes instead of ${sizeBytes}`;
    const before = known.get(path);
    if (!again && before?.sizeBytes === stamp.sizeBytes && before.modifiedMs === stamp.modifiedMs) return undefined;
    const expected = digest ?? checksum;
    if (expected !== undefined && await analytics.digest(path) !== expected) return "its bytes do not match their digest";
    known.set(path, stamp);
    return undefined;
  };

  const rebuild = async (stream: string, { file }: FileRecord, path: string, damage: string): Promise<void> => {
    const { name, fromOffset, toOffset } = file;
    try {
      if (repair === undefined) throw new Error("this process does not follow the log; the server writes the file again if its log has the events");
      const { sizeBytes } = await repair(stream, file, path);
      await manifest.moveFile(stream, name, { tier: "hot", digest: undefined, sizeBytes, checksum: await analytics.digest(path) });
    } catch (thrown) {
      throw new StrataError("LAKE_FILE_DAMAGED", { stream, file: name, fromOffset, toOffset, reason: `${damage}. It was not written again from the log: ${reasonOf(thrown)}` }, { cause: thrown });
    }
  };

  const look = async (...[stream, record, path, options = {}]: Parameters<FileGuard["check"]>): Promise<FileState> => {
    const damage = await damageOf(path, record.place, options);
    if (damage === undefined) return "whole";
    known.delete(path);
    const { name, fromOffset, toOffset } = record.file;
    const isInBlobs = record.place.digest !== undefined;
    if (isInBlobs) await analytics.remove(path);
    else await rebuild(stream, record, path, damage);
    const remedy = isInBlobs ? "is read from the blob store" : "was written again from the log";
    logger?.log("warn", `A damaged file of the lake ${remedy}: ${damage}`, { stream, file: name, fromOffset, toOffset });
    return isInBlobs ? "fetched" : "rebuilt";
  };

  return {
    check: (stream, record, path, options) => {
      const shared = running.get(path);
      if (shared !== undefined) return shared;
      const mine = look(stream, record, path, options).finally(() => running.delete(path));
      running.set(path, mine);
      return mine;
    },
    forget: (path) => void known.delete(path),
  };
}
