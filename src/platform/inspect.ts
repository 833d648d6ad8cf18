/**
 * A look at a data folder that no server uses: reads every log and the database whole and says what is damaged.
 * Nothing is repaired, cut or written but the lock, which keeps a server from starting meanwhile.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { nodeFiles, type Files, type OpenFile } from "../engines/embedded/files.ts";
import { systemClock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import type { EventLog, LogDamage } from "../ports/event-log.ts";

export interface DataFolderInspection {
  readonly logs: number;
  readonly records: number;
  readonly sizeBytes: number;
  readonly damages: readonly LogDamage[];
  /** What SQLite finds wrong with the database; empty also when there is none yet. */
  readonly databaseProblems: readonly string[];
}

/** undefined when there is no data yet. DATA_DIR_LOCKED when a process uses the folder, LOG_CORRUPT when a log cannot even be opened. */
export async function inspectDataFolder(dataDir: string, onProgress?: (logsDone: number, logs: number) => void): Promise<DataFolderInspection | undefined> {
  const folder = join(dataDir, "log");
  if (!existsSync(folder)) return undefined;
  await using log = await openEmbeddedEventLog({ folder, clock: systemClock, files: withoutWrites(nodeFiles) });
  const names = log.logs();
  const damages: LogDamage[] = [];
  for (const [index, name] of names.entries()) {
    damages.push(...await log.verify(name));
    onProgress?.(index + 1, names.length);
  }
  return { ...sizeOf(log, names), damages, databaseProblems: databaseProblems(join(dataDir, "strata.db")) };
}

function sizeOf(log: EventLog, names: readonly string[]): Pick<DataFolderInspection, "logs" | "records" | "sizeBytes"> {
  const statistics = names.map((name) => log.statistics(name));
  return {
    logs: names.length,
    records: statistics.reduce((sum, { oldestOffset, nextOffset }) => sum + nextOffset - oldestOffset, 0),
    sizeBytes: statistics.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** The engine opens as ever, but what it would change stays as it is. */
function withoutWrites(files: Files): Files {
  const nothing = async (): Promise<void> => undefined;
  return {
    ...files,
    open: async (path, mode) => (mode === "create" ? EMPTY_FILE : { ...await files.open(path, "read"), write: nothing, datasync: nothing, truncate: nothing }),
    makeFolder: nothing, rename: nothing, remove: nothing, syncFolder: nothing,
  };
}

const EMPTY_FILE: OpenFile = {
  read: async () => 0, write: async () => undefined, datasync: async () => undefined, truncate: async () => undefined, size: async () => 0, close: async () => undefined,
};

/** Structure and indexes, without comparing every index entry: seconds for gigabytes (sqlite.org/pragma.html#pragma_quick_check). */
function databaseProblems(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  try {
    using database = new DatabaseSync(file, { readOnly: true });
    const rows = database.prepare("pragma quick_check(10)").all();
    return rows.map((row) => String(row["quick_check"])).filter((text) => text !== "ok");
  } catch (thrown) {
    return [reasonOf(thrown)];
  }
}

/** Whether the optional ONNX runtime can be loaded by Strata. */
export function hasOnnxRuntime(): boolean {
  try {
    import.meta.resolve("onnxruntime-node");
    return true;
  } catch {
    return false;
  }
}
