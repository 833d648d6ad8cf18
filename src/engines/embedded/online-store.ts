/**
 * The online store in one folder: every entity in memory, one journal file per partition of a view
 * (<view>.<partition>.journal). A write is one frame of the journal, synced before it is seen, so a crash leaves the
 * bytes and the position of the last whole write. Damage cuts a journal there: its position is older, and the
 * worker applies the log again from that place. One process at a time; the folder is locked.
 */
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import type { OnlineStore, OnlineWrite, PartitionPosition } from "../../ports/online-store.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { removeLeftovers } from "./durable-file.ts";
import { fileNameOf, nameOfFile } from "./file-name.ts";
import { nodeFiles, type Files } from "./files.ts";
import { openOnlinePartition, type OnlinePartition } from "./online-partition.ts";

export interface EmbeddedOnlineStoreOptions {
  readonly folder: string;
  readonly logger?: Logger;
  /** Tests make writes and syncs fail here. */
  readonly files?: Files;
}

interface View {
  readonly partitions: Map<number, Promise<OnlinePartition>>;
  /** Set while the view's files are being removed; writes wait for it. */
  dropping?: Promise<void>;
}

const SUFFIX = ".journal";

/** Opens or creates the folder; DATA_DIR_LOCKED while another process has it. */
export async function openEmbeddedOnlineStore(options: EmbeddedOnlineStoreOptions): Promise<OnlineStore> {
  const { folder, logger = silentLogger, files = nodeFiles } = options;
  await files.makeFolder(folder);
  const lock = await files.lock(folder);
  const views = new Map<string, View>();
  /** Partitions that are open, for reading without waiting. */
  const open = new Map<string, Map<number, OnlinePartition>>();
  const inFlight = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;

  const pathOf = (view: string, partition: number): string => join(folder, `${fileNameOf(view)}.${partition}${SUFFIX}`);
  const viewOf = (name: string): View => {
    const known = views.get(name) ?? { partitions: new Map() };
    views.set(name, known);
    return known;
  };
  const openPartition = async (view: string, partition: number): Promise<OnlinePartition> => {
    const path = pathOf(view, partition);
    const opened = await openOnlinePartition(files, path);
    if (opened.cutBytes > 0) logger.log("warn", `Partition ${partition} of view "${view}": ${opened.cutBytes} bytes after the last whole write were cut off; the log is applied again from its position`, { file: path });
    const byNumber = open.get(view) ?? new Map<number, OnlinePartition>();
    open.set(view, byNumber.set(partition, opened));
    return opened;
  };
  const partitionOf = async ({ view, partition }: Pick<OnlineWrite, "view" | "partition">): Promise<OnlinePartition> => {
    const known = viewOf(view);
    await known.dropping;
    let opening = known.partitions.get(partition);
    if (opening === undefined) {
      opening = openPartition(view, partition);
      known.partitions.set(partition, opening);
      opening.catch(() => known.partitions.delete(partition)); // the next write may find a better disk
    }
    return opening;
  };
  const removeView = async (name: string, { partitions }: View): Promise<void> => {
    for (const [number, opening] of partitions) {
      const partition = await opening;
      await partition.close();
      await files.remove(pathOf(name, number));
    }
    partitions.clear();
    open.delete(name);
    await files.syncFolder(folder);
  };
  const requireOpen = (): void => {
    if (closing !== undefined) throw new StrataError("CLOSED", { what: `The online store ${folder}` });
  };
  const writeWhenOpen = async (write: OnlineWrite): Promise<void> => {
    for (;;) {
      const partition = await partitionOf(write);
      if (!partition.isClosed()) return partition.write(write); // it is when its view was dropped meanwhile
    }
  };
  const closeAll = async (): Promise<void> => {
    await Promise.allSettled(inFlight); // told to whoever wrote
    for (const { dropping, partitions } of views.values()) {
      await dropping;
      for (const opening of partitions.values()) await opening.then((partition) => partition.close(), () => undefined); // one that did not open holds nothing
    }
    lock.release();
  };

  try {
    await removeLeftovers(files, folder);
    for (const name of await files.list(folder)) {
      const place = placeOfFile(name);
      if (place) await partitionOf(place);
    }
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }

  const claimWhenOpen = async (place: Pick<OnlineWrite, "view" | "partition" | "epoch">): Promise<PartitionPosition> => {
    for (;;) {
      const partition = await partitionOf(place);
      if (!partition.isClosed()) return partition.claim(place);
    }
  };

  const store: OnlineStore = {
    claim: async (view, partition, epoch) => {
      requireOpen();
      const claiming = claimWhenOpen({ view, partition, epoch });
      const ended = claiming.then(() => undefined, () => undefined);
      inFlight.add(ended);
      return claiming.finally(() => inFlight.delete(ended));
    },
    write: async (write) => {
      requireOpen();
      const writing = writeWhenOpen(write);
      inFlight.add(writing);
      await writing.finally(() => inFlight.delete(writing));
    },
    read: async (view, keys) => {
      requireOpen();
      const partitions = [...open.get(view)?.values() ?? []];
      return keys.map((key) => {
        for (const { rows } of partitions) {
          const bytes = rows.get(key);
          if (bytes !== undefined) return bytes;
        }
        return undefined;
      });
    },
    position: async (view, partition) => {
      requireOpen();
      return open.get(view)?.get(partition)?.position();
    },
    entries: async function* (view, partition) {
      requireOpen();
      const rows = Array.from(open.get(view)?.get(partition)?.rows ?? [], ([key, bytes]) => ({ key, bytes })); // as of now: writes may go on meanwhile
      yield* rows;
    },
    drop: async (view) => {
      requireOpen();
      const known = viewOf(view);
      const dropping = (known.dropping ?? Promise.resolve()).then(() => removeView(view, known));
      known.dropping = dropping.catch(() => undefined); // who asked is told; writers go on
      await dropping;
    },
    close: () => closing ??= closeAll(),
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}

function placeOfFile(fileName: string): { readonly view: string; readonly partition: number } | undefined {
  const [, stem = "", number = ""] = /^([^.]+)\.(\d+)\.journal$/.exec(fileName) ?? [];
  const view = nameOfFile(stem);
  return view === undefined ? undefined : { view, partition: Number(number) };
}
