/**
 * The vector indexes of the definition: opened, brought up to date when the definition changes, and following their
 * streams. An event becomes a point in the index's own log before the stream's checkpoint moves: at least once, and
 * once by its key.
 */
import type { Application, VectorIndex } from "../../define/index.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import type { IndexSettings } from "./index-settings.ts";
import { pointIdOf } from "./point-key.ts";
import type { Point } from "./point.ts";
import type { VectorIndexes } from "./vector-indexes.ts";

/** Texts to vectors, by the embedding of an index. */
export type EmbedTexts = (index: VectorIndex, texts: readonly string[]) => Promise<readonly (readonly number[])[]>;

export interface DefinedIndexes extends AsyncDisposable {
  applyDefinition(application: Application): Promise<void>;
  /** Resolves when every event that is durable now is a point. */
  caughtUp(index: string): Promise<void>;
}

export interface DefinedIndexesOptions {
  readonly indexes: VectorIndexes;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly logger: Logger;
  readonly embed: EmbedTexts;
}

export function createDefinedIndexes({ indexes, log, decoder, logger, embed }: DefinedIndexesOptions): DefinedIndexes {
  const followers = new Map<string, { readonly definition: string; readonly consumer: StreamConsumer; readonly stopping: AbortController }>();

  const unfollow = async (name: string): Promise<void> => {
    const follower = followers.get(name);
    followers.delete(name);
    follower?.stopping.abort();
    await follower?.consumer.ended;
  };
  /** A lost index has another source than its log: a stream that still holds everything, or a training. */
  const canBuildAnew = ({ points, learned }: VectorIndex): boolean => learned !== undefined || (points !== undefined && log.statistics(points.from.name).oldestOffset === 0);
  const bringUp = async (index: VectorIndex): Promise<void> => {
    const wanted = settingsOf(index);
    if (indexes.lost().has(index.name)) {
      if (!canBuildAnew(index)) return;
      logger.log("warn", `Vector index "${index.name}" is built anew${index.learned ? `: it is empty until \`strata vectors train ${index.name}\` learns it again` : ` from stream "${index.points!.from.name}"`}`, { index: index.name });
      await indexes.drop(index.name);
    }
    const running = indexes.has(index.name) ? indexes.index(index.name) : undefined;
    const before = running?.points.settings.vectors[""];
    if (running && (before?.dimensions !== index.dimensions || before.distance !== index.distance)) {
      logger.log("warn", `Vector index "${index.name}" is built anew: its dimensions or distance changed`, { index: index.name });
      await unfollow(index.name);
      await indexes.drop(running.name);
    }
    if (!indexes.has(index.name)) return indexes.create(index.name, wanted);
    const { fields, extra } = indexes.index(index.name).points.settings;
    for (const [field, type] of Object.entries(wanted.fields)) if (fields[field] !== type) await indexes.change(index.name, { kind: "index-field", field, type });
    if (extra?.["isDefined"] !== true) await indexes.change(index.name, { kind: "settings", settings: { ...wanted, extra: { ...extra, ...wanted.extra } } });
  };
  const follow = async (index: VectorIndex): Promise<void> => {
    const { createdAt } = indexes.index(index.name);
    const definition = JSON.stringify([createdAt, index.points?.from.name, index.points?.key, index.points?.vector, index.points?.text, index.fields]);
    if (followers.get(index.name)?.definition === definition) return;
    await unfollow(index.name);
    if (index.points === undefined) return;
    const stopping = new AbortController(), stream = index.points.from.name;
    const group = `vectors-${index.name}-${createdAt}`;
    const consumer = createStreamConsumer({
      log, decoder, stream, group, fromOffset: log.checkpoint(stream, group), signal: stopping.signal,
      handle: async (batch) => {
        const points = await pointsOf(index, batch, embed, logger);
        if (points.length > 0) await indexes.change(index.name, { kind: "upsert", points });
      },
    });
    void consumer.ended.then(() => {
      if (consumer.state === "failed") logger.log("error", `Vector index "${index.name}" stopped following stream "${stream}": ${reasonOf(consumer.error)}`, { index: index.name, stream });
    });
    followers.set(index.name, { definition, consumer, stopping });
  };

  return {
    applyDefinition: async ({ vectorIndexes }) => {
      for (const index of vectorIndexes.values()) {
        await bringUp(index);
        if (!indexes.lost().has(index.name)) await follow(index);
      }
      for (const name of indexes.names()) {
        if (vectorIndexes.has(name) || indexes.index(name).points.settings.extra?.["isDefined"] !== true) continue;
        await unfollow(name);
        await indexes.drop(name);
      }
    },
    caughtUp: async (name) => {
      const consumer = followers.get(name)?.consumer;
      await consumer?.caughtUp(log.statistics(consumer.stream).nextOffset);
    },
    [Symbol.asyncDispose]: async () => {
      for (const name of followers.keys()) await unfollow(name);
    },
  };
}

function settingsOf({ dimensions, distance, hnsw, fields }: VectorIndex): IndexSettings {
  return { vectors: { "": { dimensions, distance, hnsw } }, sparse: {}, fields, extra: { isDefined: true } };
}

/** The latest event of each key. Events without a usable vector are left out, and told. */
async function pointsOf(index: VectorIndex, { rows }: DecodedBatch, embed: EmbedTexts, logger: Logger): Promise<readonly Point[]> {
  const { key, vector, text } = index.points!;
  const latest = new Map<string, Readonly<Record<string, unknown>>>();
  for (const row of rows) {
    const value = row[key];
    if (typeof value === "string" || typeof value === "number") latest.set(String(value), row);
  }
  const chosen = [...latest.values()].filter((row) => (text === undefined ? isVector(row[vector!], index.dimensions) : typeof row[text] === "string"));
  if (chosen.length < latest.size) logger.log("warn", `${latest.size - chosen.length} events of stream "${index.points!.from.name}" have no ${text ?? "vector"} for index "${index.name}"`, { index: index.name });
  const vectors = text === undefined ? chosen.map((row) => row[vector!] as readonly number[]) : await embed(index, chosen.map((row) => row[text] as string));
  return chosen.map((row, i) => {
    if (!isVector(vectors[i], index.dimensions)) throw new StrataError("EMBEDDING_FAILED", { index: index.name, reason: `a vector of ${index.dimensions} numbers was expected` });
    const payload = Object.fromEntries(Object.entries(row).filter(([field]) => field === key || field === text || field in index.fields));
    return { id: pointIdOf(row[key] as string | number), payload, vectors: new Map([["", Float32Array.from(vectors[i])]]) };
  });
}

function isVector(value: unknown, dimensions: number): value is readonly number[] {
  return Array.isArray(value) && value.length === dimensions && value.every((number) => typeof number === "number" && Number.isFinite(number));
}
