/**
 * All vector indexes of a data folder. What happens to them is appended to the log `strata_vectors` and acknowledged
 * when it is durable and applied; a checkpoint keeps the way back short. Damage is told, never served.
 */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { Random } from "../../kernel/random.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { VectorEngine } from "../../ports/vector-index.ts";
import { saveCatalog } from "./catalog.ts";
import type { Catalog, IndexImage, LostIndex, SavedIndex, SavedSnapshot } from "./catalog.ts";
import { readImage, writeImage, writtenFrom } from "./index-image.ts";
import type { WrittenParts } from "./index-image.ts";
import { createIndexPoints } from "./index-points.ts";
import type { IndexPoints } from "./index-points.ts";
import { isDamage, recoverCatalog, recoverIndexes } from "./index-recovery.ts";
import type { IndexSettings } from "./index-settings.ts";
import { createOpenIndex, replacePoints } from "./open-index.ts";
import type { OpenIndex } from "./open-index.ts";
import { decodeOperation, encodeOperation } from "./operation.ts";
import type { CatalogOperation, Operation, PointOperation } from "./operation.ts";
import type { QueryRequest, Scored } from "./query.ts";
import { runQuery } from "./run-query.ts";
import { splitOperation } from "./split-operation.ts";
import { createSnapshots } from "./snapshots.ts";
import type { Snapshots } from "./snapshots.ts";

export const VECTOR_LOG = "strata_vectors";

export interface VectorIndexesOptions {
  readonly log: EventLog;
  readonly states: StateStore;
  readonly blobs: BlobStore;
  readonly engine: VectorEngine;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface IndexState {
  readonly name: string;
  /** Offset of its creation: tells it from another of the same name. */
  readonly createdAt: number;
  readonly points: IndexPoints;
  /** Operations that are on their way. */
  readonly waiting: number;
}

export interface VectorIndexes extends AsyncDisposable {
  readonly snapshots: Snapshots;
  /** Loads the last checkpoint and applies what the log has beyond it; what is damaged is built again from the log. */
  start(): Promise<void>;
  names(): readonly string[];
  aliases(): ReadonlyMap<string, string>;
  has(name: string): boolean;
  /** Indexes that are damaged and cannot be built again, with the reason. They can be dropped. */
  lost(): ReadonlyMap<string, string>;
  /** By name or alias. VECTOR_INDEX_NOT_FOUND, VECTOR_INDEX_LOST. Reads of one turn of the event loop see one moment. */
  index(name: string): IndexState;
  /** VECTOR_INDEX_EXISTS. */
  create(name: string, settings: IndexSettings): Promise<void>;
  /** False when there was none. */
  drop(name: string): Promise<boolean>;
  /** Points an alias at an index, or at none. */
  alias(alias: string, target: string | null): Promise<void>;
  /** Resolves when the operation is durable and applied; with its offset. */
  change(name: string, operation: PointOperation): Promise<number>;
  query(name: string, request: QueryRequest): Scored;
  /** Saves what changed. */
  checkpoint(): Promise<void>;
  /** Resolves when no graph is being built. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** A checkpoint is taken when so much was applied since the last: a few seconds to replay. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;
/** The log keeps this much beyond what the last two checkpoints need: at least one segment. */
const LOG_SLACK_BYTES = 160 * 1024 * 1024;

export function createVectorIndexes(options: VectorIndexesOptions): VectorIndexes {
  const { log, states, blobs, engine, clock, ids, random, logger, meter } = options;
  const operations = meter.counter("strata_vector_operations_total", "Operations applied to vector indexes");
  const searching = meter.histogram("strata_vector_query_seconds", "Seconds to answer a query over vectors");
  const pointsGauge = meter.gauge("strata_vector_points", "Points of a vector index");
  const indexes = new Map<string, OpenIndex>();
  const aliases = new Map<string, string>();
  let savedSnapshots: readonly SavedSnapshot[] = [];
  const lost = new Map<string, LostIndex>();
  let rebuilt: ReadonlyMap<string, number> = new Map();
  let catalog: Catalog;
  let isCatalogWhole = true;
  let catalogOffset = 0;
  let catalogTurn: Promise<unknown> = Promise.resolve();
  let checkpointing: Promise<void> | undefined;
  let sizeAtCheckpoint = 0;
  let isStopped = false;

  const refuseStopped = (): void => { if (isStopped) throw new StrataError("CLOSED", { what: "The vector indexes" }); };
  const find = (name: string): OpenIndex | undefined => indexes.get(name) ?? indexes.get(aliases.get(name) ?? "");
  const open = (name: string): OpenIndex => {
    refuseStopped();
    const index = find(name);
    const gone = lost.get(name) ?? lost.get(aliases.get(name) ?? "");
    if (index === undefined && gone !== undefined) throw new StrataError("VECTOR_INDEX_LOST", { index: gone.name, reason: gone.reason });
    if (index === undefined) throw new StrataError("VECTOR_INDEX_NOT_FOUND", { index: name, known: [...indexes.keys(), ...aliases.keys()].join(", ") || "none" });
    return index;
  };
  const opened = (name: string, saved: { readonly createdAt: number; readonly offset: number; readonly points: IndexPoints; readonly image?: SavedIndex; readonly written?: WrittenParts }): OpenIndex => createOpenIndex({
    name, ...saved, onMaintenanceFailed: (thrown) => logger.log("error", `The graph of vector index "${name}" could not be built: ${reasonOf(thrown)}`, { index: name }),
  });
  const append = async (index: string, operation: Operation): Promise<{ readonly offset: number; readonly bytes: number }> => {
    const payload = encodeOperation({ index, operation });
    const { baseOffset } = await log.append(VECTOR_LOG, [{ id: ids.next(), timeMs: clock.now(), knownAtMs: clock.now(), payload }]);
    return { offset: baseOffset, bytes: payload.byteLength };
  };
  const applyTo = (index: OpenIndex, operation: PointOperation, { offset, bytes }: { readonly offset: number; readonly bytes: number }): void => {
    index.points.apply(operation);
    index.offset = offset + 1;
    index.unsavedBytes += bytes;
    operations.add(1, { index: index.name, kind: operation.kind });
    pointsGauge.set(index.points.count, { index: index.name });
    index.maintain();
    if (index.unsavedBytes > CHECKPOINT_BYTES) void checkpoint().catch((thrown: unknown) => logger.log("error", `Vector indexes could not be saved: ${reasonOf(thrown)}`));
  };
  const createAt = (name: string, settings: IndexSettings, offset: number): void => {
    if (indexes.get(name)?.createdAt === offset) return; // it was saved while it was new
    lost.delete(name);
    indexes.set(name, opened(name, { createdAt: offset, offset: offset + 1, points: createIndexPoints(settings, engine) }));
  };
  const applyCatalog = async (name: string, operation: CatalogOperation, offset: number): Promise<void> => {
    catalogOffset = offset + 1;
    if (operation.kind === "create-index") createAt(name, operation.settings, offset);
    else if (operation.kind === "alias" && operation.target !== null) aliases.set(operation.alias, operation.target);
    else if (operation.kind === "alias") aliases.delete(operation.alias);
    else {
      const dropped = indexes.get(name);
      indexes.delete(name);
      lost.delete(name);
      for (const [alias, target] of aliases) if (target === name) aliases.delete(alias);
      savedSnapshots = savedSnapshots.filter(({ index }) => index !== name);
      await dropped?.[Symbol.asyncDispose]();
    }
  };
  const inCatalogTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = catalogTurn.then(work);
    catalogTurn = result.catch(() => undefined); // told to whoever asked
    return result;
  };
  /** Creations, drops and aliases one after another; their record is in the log before they show. */
  const changeCatalog = (name: string, operation: CatalogOperation, check: () => boolean): Promise<boolean> => inCatalogTurn(async () => {
    refuseStopped();
    if (!check()) return false;
    const { offset } = await append(name, operation);
    await applyCatalog(name, operation, offset);
    return true;
  });
  const replay = async (): Promise<void> => {
    const { oldestOffset } = log.statistics(VECTOR_LOG);
    const from = isCatalogWhole ? Math.min(catalogOffset, ...rebuilt.values(), ...[...indexes.values()].map(({ offset }) => offset)) : oldestOffset;
    if (from > 0 && !isCatalogWhole) logger.log("error", `The log of vector indexes begins at ${from}: indexes that were not changed since are forgotten, changed ones are not served`);
    for await (const { records } of log.read(VECTOR_LOG, { from: { offset: from } })) {
      for (const { offset, payload } of records) {
        const { index: name, operation } = decodeOperation(payload, offset);
        if (operation.kind === "create-index" || operation.kind === "drop-index" || operation.kind === "alias") {
          if (offset >= catalogOffset) await applyCatalog(name, operation, offset);
          else if (operation.kind === "create-index" && rebuilt.get(name) === offset) createAt(name, operation.settings, offset);
          continue;
        }
        const index = indexes.get(name);
        if (index === undefined && !isCatalogWhole && oldestOffset > 0) lose({ name, reason: `the catalog was damaged, and the log begins at ${oldestOffset}, after its creation` });
        if (index === undefined || offset < index.offset) continue;
        if (operation.kind === "restore") await restoreFrom(index, operation.image, offset);
        else applyTo(index, operation, { offset, bytes: payload.byteLength });
      }
    }
  };
  const lose = (index: LostIndex): void => {
    if (!lost.has(index.name)) logger.log("error", `Vector index "${index.name}" cannot be served: ${index.reason}`, { index: index.name });
    lost.set(index.name, index);
  };
  /** A snapshot that was put back after the checkpoint. Its parts may be damaged, or deleted since. */
  const restoreFrom = async (index: OpenIndex, image: IndexImage, offset: number): Promise<void> => {
    try {
      const points = await readImage(image, { blobs, engine });
      await index.idle();
      await replacePoints(index, points, offset);
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      const saved = catalog.indexes.find(({ name, createdAt }) => name === index.name && createdAt === index.createdAt);
      lose({ name: index.name, reason: `a snapshot it was put back to cannot be read: ${thrown.message}`, ...(saved && { saved }) });
      indexes.delete(index.name);
      await index[Symbol.asyncDispose]();
    }
  };
  const load = async (): Promise<void> => {
    ({ catalog, isWhole: isCatalogWhole } = await recoverCatalog(states, logger));
    catalogOffset = catalog.offset;
    if (catalog.offset > log.statistics(VECTOR_LOG).nextOffset) throw new StrataError("STATE_CORRUPT", { file: "vectors-catalog", reason: "it is ahead of the log" });
    const recovered = await recoverIndexes(catalog, { blobs, engine, oldestOffset: log.statistics(VECTOR_LOG).oldestOffset, logger });
    rebuilt = recovered.rebuilt;
    for (const index of recovered.lost) lost.set(index.name, index);
    for (const { saved, points } of recovered.whole) indexes.set(saved.name, opened(saved.name, { createdAt: saved.createdAt, offset: saved.offset, points, image: saved, written: writtenFrom(points, saved) }));
    for (const [alias, target] of Object.entries(catalog.aliases)) aliases.set(alias, target);
    savedSnapshots = catalog.snapshots;
  };
  const saveIndex = (index: OpenIndex): Promise<SavedIndex> => index.inTurn(async () => {
    const end = log.statistics(VECTOR_LOG).nextOffset;
    if (index.waiting === 0 && index.unsavedBytes === 0) index.offset = Math.max(index.offset, end);
    if (index.image === undefined || index.unsavedBytes > 0) {
      index.image = await writeImage(index.points, index.written, blobs);
      index.unsavedBytes = 0;
    }
    return { ...index.image, name: index.name, createdAt: index.createdAt, offset: index.offset };
  });
  const saveAll = async (): Promise<void> => {
    const before = log.statistics(VECTOR_LOG).sizeBytes;
    const offset = await inCatalogTurn(() => Promise.resolve(catalogOffset = log.statistics(VECTOR_LOG).nextOffset)); // no creation is on its way
    const saved: SavedIndex[] = [];
    for (const index of indexes.values()) saved.push(await saveIndex(index));
    const known = saved.filter(({ name, createdAt }) => indexes.get(name)?.createdAt === createdAt);
    const next = { offset, indexes: known, aliases: Object.fromEntries(aliases), snapshots: savedSnapshots, lost: [...lost.values()] };
    if (JSON.stringify({ ...next, version: 1, dropped: catalog.dropped }) === JSON.stringify({ ...catalog, offset: next.offset })) return;
    catalog = await saveCatalog({ states, blobs }, catalog, next);
    await log.retain(VECTOR_LOG, { maxBytes: Math.max(0, log.statistics(VECTOR_LOG).sizeBytes - sizeAtCheckpoint) + LOG_SLACK_BYTES });
    sizeAtCheckpoint = before;
  };
  const checkpoint = (): Promise<void> => (checkpointing ??= saveAll().finally(() => { checkpointing = undefined; }));
  const snapshots = createSnapshots({
    blobs, engine, clock, open,
    saved: () => savedSnapshots,
    save: async (next) => {
      await checkpointing?.catch(() => undefined);
      savedSnapshots = next;
      await checkpoint();
    },
    saveIndex,
    record: async (index, image) => (await append(index, { kind: "restore", image })).offset,
  });
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    await catalogTurn;
    isStopped = true;
    for (const index of indexes.values()) await index.inTurn(() => Promise.resolve());
    await checkpointing?.catch(() => undefined);
    await checkpoint().catch((thrown: unknown) => logger.log("error", `Vector indexes could not be saved: ${reasonOf(thrown)}`));
    for (const index of indexes.values()) await index[Symbol.asyncDispose]();
  };

  return {
    snapshots, checkpoint, stop,
    start: async () => {
      try {
        await load();
        await replay();
      } catch (thrown) {
        for (const index of indexes.values()) await index[Symbol.asyncDispose]();
        if (isStrataError(thrown)) logger.log("error", `Vector indexes cannot be opened: ${thrown.message}`);
        throw thrown;
      }
    },
    names: () => [...indexes.keys()].toSorted(),
    aliases: () => aliases,
    has: (name) => find(name) !== undefined,
    lost: () => new Map([...lost].map(([name, { reason }]) => [name, reason])),
    index: (name) => open(name),
    create: async (name, settings) => {
      await changeCatalog(name, { kind: "create-index", settings }, () => {
        if (lost.has(name)) open(name);
        if (find(name) !== undefined) throw new StrataError("VECTOR_INDEX_EXISTS", { index: name });
        return true;
      });
    },
    drop: (name) => changeCatalog(name, { kind: "drop-index" }, () => indexes.has(name) || lost.has(name)),
    alias: async (alias, target) => {
      await changeCatalog(target ?? "", { kind: "alias", alias, target }, () => {
        if (target !== null) open(target);
        if (indexes.has(alias)) throw new StrataError("VECTOR_INDEX_EXISTS", { index: alias });
        return target !== null || aliases.has(alias);
      });
    },
    change: async (name, operation) => {
      const index = open(name);
      const parts = splitOperation(operation);
      index.waiting += parts.length;
      const appended = parts.map((part) => append(index.name, part)); // in the order of calls, like the turns below
      const applied = index.inTurn(async () => {
        let last = index.offset - 1;
        for (const [i, part] of parts.entries()) {
          try {
            const at = await appended[i]!;
            applyTo(index, part, at);
            last = at.offset;
          } finally {
            index.waiting--;
          }
        }
        return last;
      });
      for (const one of appended) one.catch(() => undefined); // `applied` rejects with the first
      return applied;
    },
    query: (name, request) => {
      const { points } = open(name);
      const startedMs = clock.monotonicMs();
      const result = runQuery({ points, random, other: (other) => open(other).points }, request);
      searching.record((clock.monotonicMs() - startedMs) / 1_000);
      return result;
    },
    idle: async () => { for (const index of indexes.values()) await index.idle(); },
    [Symbol.asyncDispose]: stop,
  };
}
