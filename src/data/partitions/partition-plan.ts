/**
 * Which parts of an application's streams workers share. A stream with a key has one log per partition; a view whose
 * entity holds that key is computed where the events are. Any other view reads a second set of logs, into which the
 * workers of the first copy each event under the view's own key (repartitioning).
 */
import { KEY_SEPARATOR } from "../../define/index.ts";
import type { Application, FeatureView, Stream } from "../../define/index.ts";
import { hash32 } from "../../kernel/random.ts";
import { keyPart } from "../features/entity-key.ts";
import { hashViewState } from "../features/view-checkpoint.ts";

/** One log with the views that are computed from it: what a worker leases. */
export interface PartitionUnit {
  /** The log's name; the lease's, too. */
  readonly name: string;
  readonly stream: Stream;
  readonly partition: number;
  /** Views whose state this unit holds. */
  readonly views: readonly FeatureView[];
  /** Views that get their events from here, under another key; none in a unit that is itself such a copy. */
  readonly repartitioned: readonly FeatureView[];
  readonly isCopy: boolean;
}

/** Every unit of the application, in a stable order. */
export function planPartitions({ streams, featureViews }: Pick<Application, "streams" | "featureViews">): readonly PartitionUnit[] {
  return [...streams.values()].flatMap((stream) => {
    if (stream.partitioning === undefined) return [];
    const views = [...featureViews.values()].filter(({ from }) => from.name === stream.name);
    const { local = [], elsewhere = [] } = Object.groupBy(views, (view) => (localEntity(view, stream) >= 0 ? "local" : "elsewhere"));
    const numbers = Array.from({ length: stream.partitioning.partitions }, (_, partition) => partition);
    return [
      ...numbers.map((partition): PartitionUnit => ({ name: partitionLog(stream, partition), stream, partition, views: local, repartitioned: elsewhere, isCopy: false })),
      ...elsewhere.flatMap((view) => numbers.map((partition): PartitionUnit => ({ name: copyLog(view, partition), stream, partition, views: [view], repartitioned: [], isCopy: true }))),
    ];
  });
}

export const partitionLog = (stream: Stream, partition: number): string => `${stream.name}/${partition}`;
export const copyLog = (view: FeatureView, partition: number): string => `${view.from.name}>${view.name}/${partition}`;

/** The online store's name for the view: another definition is another state, built from the log. */
export const storedView = (view: FeatureView): string => `${view.name}.${hashViewState(view).slice(0, 12)}`;
/** Where the online store keeps how far a source's events were copied for the view. */
export const storedCopies = (view: FeatureView): string => `${storedView(view)}>`;

/** FNV-like 32-bit hash of the key's text, modulo: it must never change, or events of a key change places. */
export function partitionOf(key: string, partitions: number): number {
  return hash32(key) % partitions;
}

/** The partition of an event by its stream's key; events without one share the first. */
export function eventPartition({ partitioning }: Stream, row: Readonly<Record<string, unknown>>): number {
  if (partitioning === undefined || partitioning.partitions === 1) return 0;
  const value = row[partitioning.key];
  const part = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? keyPart(value) : undefined;
  return part === undefined ? 0 : partitionOf(part, partitioning.partitions);
}

/** Which of the view's entities is the stream's key; -1 when none is. */
export function localEntity(view: FeatureView, { partitioning }: Stream): number {
  return view.entities.findIndex(({ name }) => {
    const node = view.by[name];
    return node?.op === "field" && node.name === partitioning?.key;
  });
}

/** The partition that holds an entity's state, by its joined key. */
export function entityPartition(view: FeatureView, stream: Stream, key: string): number {
  const partitions = stream.partitioning?.partitions ?? 1;
  const entity = localEntity(view, stream);
  return partitionOf(entity < 0 ? key : key.split(KEY_SEPARATOR)[entity]!, partitions);
}
