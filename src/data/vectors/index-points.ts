/**
 * The points of one index in memory: slots with ids, payloads and vectors, columns of indexed fields, posting lists.
 * `apply` is the only way they change, and gives the same state for the same operations in the same order.
 */
import type { RowBits, VectorEngine, VectorRows } from "../../ports/vector-index.ts";
import { createFieldColumn } from "./field-column.ts";
import type { FieldColumn } from "./field-column.ts";
import type { FilterSource } from "./filter-slots.ts";
import { slotsOf } from "./filter-slots.ts";
import type { Filter } from "./filter.ts";
import type { FieldType, IndexSettings } from "./index-settings.ts";
import { createKeywordField } from "./keyword-field.ts";
import type { KeywordField } from "./keyword-field.ts";
import type { PointOperation, PointsChosen } from "./operation.ts";
import { parsePath, valuesAt, withValueAt, withoutPath } from "./payload-path.ts";
import { isSparse } from "./point.ts";
import type { Payload, Point, PointVector } from "./point.ts";
import { createPostingIndex } from "./posting-index.ts";
import type { PostingIndex } from "./posting-index.ts";
import { addBit, emptyBits, hasBit, removeBit, visitBits } from "./row-bits.ts";
import { createSlots } from "./slots.ts";

/** Slots that change together in a checkpoint. */
export const SLOTS_PER_BLOCK = 1_024;

export interface IndexPoints extends FilterSource, AsyncDisposable {
  readonly settings: IndexSettings;
  readonly count: number;
  readonly dense: ReadonlyMap<string, VectorRows>;
  readonly sparse: ReadonlyMap<string, PostingIndex<number>>;
  /** Counts changes. */
  readonly version: number;
  readonly blockVersions: readonly number[];
  /** Slots that hold a point. */
  readonly alive: RowBits;
  apply(operation: PointOperation): void;
  /** All points without a filter. */
  find(filter?: Filter): RowBits;
  point(slot: number): Point;
  vector(slot: number, name: string): PointVector | undefined;
  /** Puts a point of a checkpoint where it was; its dense vectors come with their rows. */
  restore(slot: number, point: Omit<Point, "vectors"> & { readonly sparse: ReadonlyMap<string, PointVector> }): void;
  needsMaintenance(): boolean;
  /** Brings graphs up to date and gives slots of removed points free. */
  maintain(signal?: AbortSignal): Promise<void>;
}

const NOTHING: Payload = Object.freeze({});

export function createIndexPoints(initial: IndexSettings, engine: VectorEngine): IndexPoints {
  let settings = initial;
  const dense = new Map(Object.entries(initial.vectors).map(([name, { dimensions, distance, hnsw }]) =>
    [name, engine.open({ dimensions, distance, hnsw, ...(initial.graphFromRows !== undefined && { graphFromRows: initial.graphFromRows }) })]));
  const sparse = new Map(Object.keys(initial.sparse).map((name) => [name, createPostingIndex<number>()]));
  const slots = createSlots({ canReuse: (slot) => [...dense.values()].every((rows) => rows.canReuse(slot)) });
  const payloads: (Payload | undefined)[] = [];
  const columns = new Map<string, FieldColumn>();
  const words = new Map<string, KeywordField>();
  const blockVersions: number[] = [];
  let alive: RowBits = emptyBits(1_024);
  let version = 0;

  const touch = (slot: number): void => {
    version++;
    const block = Math.floor(slot / SLOTS_PER_BLOCK);
    blockVersions[block] = (blockVersions[block] ?? 0) + 1;
  };
  const setAlive = (slot: number, isAlive: boolean): void => {
    if (slot >>> 5 >= alive.length) {
      const larger = new Uint32Array(Math.max(alive.length * 2, (slot >>> 5) + 1));
      larger.set(alive);
      alive = larger;
    }
    if (isAlive) addBit(alive, slot);
    else removeBit(alive, slot);
  };
  const indexPayload = (slot: number, payload: Payload | undefined): void => {
    for (const [key, column] of columns) column.set(slot, payload && valuesAt(payload, parsePath(key)));
    for (const [key, field] of words) field.set(slot, payload && valuesAt(payload, parsePath(key)));
  };
  const setPayload = (slot: number, payload: Payload): void => {
    payloads[slot] = payload;
    indexPayload(slot, payload);
    touch(slot);
  };
  const openField = (key: string, type: FieldType): void => {
    const column = createFieldColumn(type);
    if (column) columns.set(key, column);
    if (type === "text") words.set(key, createKeywordField());
    visitBits(alive, (slot) => {
      const values = valuesAt(payloads[slot], parsePath(key));
      column?.set(slot, values);
      words.get(key)?.set(slot, values);
    });
  };
  const setVector = (slot: number, name: string, vector: PointVector): void => {
    if (isSparse(vector)) sparse.get(name)?.set(slot, new Map(vector.indices.map((index, i) => [index, vector.values[i]!])));
    else dense.get(name)?.set(slot, vector);
  };
  const vectorAt = (slot: number, name: string): PointVector | undefined => {
    const terms = sparse.get(name)?.termsOf(slot);
    if (terms) return { indices: [...terms.keys()], values: [...terms.values()] };
    return dense.get(name)?.vector(slot);
  };
  const vectorsOf = (slot: number): Map<string, PointVector> => new Map([...dense.keys(), ...sparse.keys()].flatMap((name) => {
    const vector = vectorAt(slot, name);
    return vector ? [[name, vector] as const] : [];
  }));
  const dropVectors = (slot: number): void => {
    for (const rows of dense.values()) rows.remove(slot);
    for (const postings of sparse.values()) postings.remove(slot);
  };
  const removeSlot = (slot: number): void => {
    dropVectors(slot);
    indexPayload(slot, undefined);
    payloads[slot] = undefined;
    setAlive(slot, false);
    slots.free(slot);
    touch(slot);
  };
  /** A graph does not move rows: a point with other vectors may get another slot. */
  const put = ({ id, payload, vectors }: Point): void => {
    const before = slots.of(id);
    if (before !== undefined) removeSlot(before);
    const slot = slots.take(id);
    setAlive(slot, true);
    for (const [name, vector] of vectors) setVector(slot, name, vector);
    setPayload(slot, payload);
  };
  const chosenSlots = (chosen: PointsChosen): readonly number[] => {
    if ("ids" in chosen) return [...new Set(chosen.ids)].map((id) => slots.of(id)).filter((slot) => slot !== undefined);
    const found: number[] = [];
    visitBits(points.find(chosen.filter), (slot) => { found.push(slot); });
    return found;
  };
  const changePayload = (chosen: PointsChosen, change: (payload: Payload) => Payload): void => {
    for (const slot of chosenSlots(chosen)) setPayload(slot, change(payloads[slot] ?? NOTHING));
  };
  const changeVectors = (slot: number, change: (vectors: Map<string, PointVector>) => void): void => {
    const vectors = vectorsOf(slot);
    change(vectors);
    put({ id: slots.idOf(slot)!, payload: payloads[slot] ?? NOTHING, vectors });
  };

  const appliers: { readonly [Kind in PointOperation["kind"]]: (operation: Extract<PointOperation, { kind: Kind }>) => void } = {
    upsert: ({ points: given }) => given.forEach(put),
    delete: ({ chosen }) => chosenSlots(chosen).forEach(removeSlot),
    "set-payload": ({ chosen, payload, key }) => changePayload(chosen, (before) => (key === undefined ? { ...before, ...payload }
      : withValueAt(before, parsePath(key), (value) => ({ ...(typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}), ...payload })) as Payload)),
    "overwrite-payload": ({ chosen, payload }) => changePayload(chosen, () => payload),
    "delete-payload": ({ chosen, keys }) => changePayload(chosen, (before) => keys.reduce((payload, key) => withoutPath(payload, parsePath(key)) as Payload, before)),
    "clear-payload": ({ chosen }) => changePayload(chosen, () => NOTHING),
    "update-vectors": ({ points: given }) => {
      for (const { id, vectors } of given) {
        const slot = slots.of(id);
        if (slot !== undefined) changeVectors(slot, (all) => { for (const [name, vector] of vectors) all.set(name, vector); });
      }
    },
    "delete-vectors": ({ chosen, names }) => {
      for (const slot of chosenSlots(chosen)) changeVectors(slot, (all) => { for (const name of names) all.delete(name); });
    },
    "index-field": ({ field, type }) => {
      settings = { ...settings, fields: { ...settings.fields, [field]: type } };
      columns.delete(field);
      words.delete(field);
      openField(field, type);
      version++;
    },
    "drop-field": ({ field }) => {
      settings = { ...settings, fields: Object.fromEntries(Object.entries(settings.fields).filter(([key]) => key !== field)) };
      columns.delete(field);
      words.delete(field);
      version++;
    },
    settings: (operation) => {
      settings = { ...operation.settings, vectors: settings.vectors, sparse: settings.sparse, fields: settings.fields };
      version++;
    },
  };
  for (const [key, type] of Object.entries(initial.fields)) openField(key, type);

  const points: IndexPoints = {
    columns, words, dense, sparse, blockVersions,
    get settings() { return settings; },
    get count() { return slots.count; },
    get slots() { return slots.end; },
    get version() { return version; },
    get alive() { return alive; },
    payload: (slot) => payloads[slot] ?? NOTHING,
    id: (slot) => slots.idOf(slot),
    slotOf: (id) => slots.of(id),
    hasVector: (slot, name) => dense.get(name)?.has(slot) ?? sparse.get(name)?.has(slot) ?? false,
    apply: (operation) => (appliers[operation.kind] as (operation: PointOperation) => void)(operation),
    find: (filter) => {
      const all = alive.slice(0, (slots.end + 31) >>> 5);
      return filter === undefined ? all : slotsOf(filter, all, points);
    },
    point: (slot) => ({ id: slots.idOf(slot)!, payload: payloads[slot] ?? NOTHING, vectors: vectorsOf(slot) }),
    vector: vectorAt,
    restore: (slot, { id, payload, sparse: sparseVectors }) => {
      slots.put(slot, id);
      setAlive(slot, true);
      payloads[slot] = payload;
      indexPayload(slot, payload);
      for (const [name, vector] of sparseVectors) setVector(slot, name, vector);
    },
    needsMaintenance: () => [...dense.values()].some((rows) => rows.needsMaintenance()),
    maintain: async (signal) => {
      for (const rows of dense.values()) if (rows.needsMaintenance() && signal?.aborted !== true) await rows.maintain(signal);
      slots.reconsider();
    },
    [Symbol.asyncDispose]: async () => {
      for (const rows of dense.values()) await rows.close();
    },
  };
  return points;
}

/** Whether a slot holds a point. */
export function isAlive(points: IndexPoints, slot: number): boolean {
  return hasBit(points.alive, slot);
}
