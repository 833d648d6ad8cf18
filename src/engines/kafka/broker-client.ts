/**
 * Requests to the brokers of a cluster: metadata and administration through the library's client, the data path (produce,
 * fetch) by our own requests on its connections, because exactly-once appends need the sequence numbers in our hands and
 * damage must be seen on the bytes as they came. What fails is asked again by whoever asked.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Admin, Connection, Reader } from "@platformatic/kafka";
import type { KafkaLibrary } from "./kafka-library.ts";
import { splitKafkaBatches } from "./record-batch.ts";
import type { KafkaBatch } from "./record-batch.ts";

export interface KafkaServerOptions {
  /** "host:9092", or several. */
  readonly brokers: string | readonly string[];
  readonly tls?: boolean;
  readonly sasl?: { readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; readonly username: string; readonly password: string };
  readonly clientId?: string;
}

/** The broker's answer about one partition; `code` is Kafka's error code, 0 = none. */
export interface Produced {
  readonly code: number;
  readonly baseOffset: number;
  readonly message: string;
}

export interface Fetched {
  readonly code: number;
  /** One past the last record that is replicated. */
  readonly highWatermark: number;
  readonly oldestOffset: number;
  readonly batches: readonly KafkaBatch[];
}

export interface FetchOptions {
  readonly offset: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
}

export interface BrokerClient {
  readonly library: KafkaLibrary;
  readonly admin: Admin;
  /** Appends a batch with all replicas' acknowledgement. */
  produce(topic: string, batch: Buffer): Promise<Produced>;
  fetch(topic: string, options: FetchOptions): Promise<Fetched>;
  /** The first offset whose record has this time or a later one; of the times -1 (the end), -2 (the beginning), -3 (the latest record, with its time). undefined without any. */
  offsetAt(topic: string, timeMs: number): Promise<{ readonly offset: number; readonly timeMs: number } | undefined>;
  /** An identity for idempotent appends. */
  newProducer(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }>;
  /** Forgets which broker leads. */
  forgetLeaders(): void;
  close(): Promise<void>;
}

const PRODUCE = 0, FETCH = 1;
const PRODUCE_VERSION = 9, FETCH_VERSION = 12;
const ALL_REPLICAS = -1;
export const UNKNOWN_TOPIC = 3;
const REQUEST_TIMEOUT_MS = 10_000;

/** LOG_UNREACHABLE when no broker answers. */
export async function connectToKafka(library: KafkaLibrary, options: KafkaServerOptions): Promise<BrokerClient> {
  const brokers = typeof options.brokers === "string" ? options.brokers.split(",") : [...options.brokers];
  const shared = { ...(options.tls ? { tls: {} } : {}), ...(options.sasl ? { sasl: options.sasl } : {}), connectTimeout: 3_000, requestTimeout: REQUEST_TIMEOUT_MS };
  const admin = new library.Admin({ clientId: options.clientId ?? "strata", bootstrapBrokers: brokers, retries: 1, retryDelay: 100, timeout: REQUEST_TIMEOUT_MS, ...shared });
  const fetching = new library.ConnectionPool("strata-fetch", shared); // apart: a broker answers one connection's requests in order, and a fetch may wait
  const producing = new library.ConnectionPool("strata-produce", shared);
  try {
    await admin.metadata({ topics: [] });
  } catch (thrown) {
    await admin.close().catch(() => undefined);
    throw new StrataError("LOG_UNREACHABLE", { server: brokers.join(", "), reason: reasonOf(thrown) }, { cause: thrown });
  }
  let leaders = new Map<string, { readonly host: string; readonly port: number }>();

  const leaderOf = async (topic: string): Promise<{ readonly host: string; readonly port: number }> => {
    const known = leaders.get(topic);
    if (known) return known;
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    const leader = metadata.brokers.get(metadata.topics.get(topic)?.partitions[0]?.leader ?? -1);
    if (leader === undefined) throw new Error(`topic ${topic} has no leader at the moment`);
    leaders.set(topic, leader);
    return leader;
  };
  const forgetLeaders = (): void => { leaders = new Map(); };
  const ask = async <T>(topic: string, pool: typeof fetching, request: (connection: Connection) => Promise<T>): Promise<T> => {
    try {
      return await request(await pool.get(await leaderOf(topic)));
    } catch (thrown) {
      forgetLeaders();
      throw thrown;
    }
  };

  return {
    library, admin, forgetLeaders,
    produce: (topic, batch) => ask(topic, producing, (connection) => produce(library, connection, { topic, batch })),
    fetch: (topic, how) => ask(topic, fetching, (connection) => fetchBatches(library, connection, { ...how, topic })),
    offsetAt: async (topic, timeMs) => {
      const answer = await ask(topic, producing, (connection) => library.listOffsetsV7.api.async(connection, -1, 0, [{ name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: BigInt(timeMs) }] }]));
      const found = answer.topics[0]?.partitions[0];
      return found === undefined || found.offset < 0n ? undefined : { offset: Number(found.offset), timeMs: Number(found.timestamp) };
    },
    newProducer: async () => {
      const [connection] = (await admin.connectToBrokers(null)).values();
      if (connection === undefined) throw new Error("no broker is connected");
      return library.initProducerIdV4.api.async(connection, null, 60_000, -1n, -1);
    },
    close: async () => {
      await Promise.allSettled([fetching.close(), producing.close(), admin.close()]);
    },
  };
}

type Parse<T> = (correlationId: number, apiKey: number, apiVersion: number, reader: Reader) => T;

function send<T>(connection: Connection, api: readonly [key: number, version: number], createPayload: () => InstanceType<KafkaLibrary["Writer"]>, parse: Parse<T>): Promise<T> {
  const done = Promise.withResolvers<T>();
  connection.send(api[0], api[1], createPayload, parse, true, true, (error: Error | null, answer?: T) => (error ? done.reject(error) : done.resolve(answer as T)));
  return done.promise;
}

function produce({ Writer }: KafkaLibrary, connection: Connection, { topic, batch }: { readonly topic: string; readonly batch: Buffer }): Promise<Produced> {
  const payload = () => Writer.create().appendString(null).appendInt16(ALL_REPLICAS).appendInt32(REQUEST_TIMEOUT_MS - 1_000)
    .appendArray([topic], (topics, name) => {
      topics.appendString(name).appendArray([0], (partitions, index) => {
        partitions.appendInt32(index).appendUnsignedVarInt(batch.length + 1).append(batch);
      });
    }).appendTaggedFields();
  return send(connection, [PRODUCE, PRODUCE_VERSION], payload, (_, __, ___, reader) => {
    const answers = reader.readArray((topics) => {
      topics.readString();
      const partitions = topics.readArray((partition) => {
        partition.readInt32();
        const code = partition.readInt16();
        const baseOffset = Number(partition.readInt64());
        partition.readInt64();
        partition.readInt64();
        partition.readArray((error) => [error.readInt32(), error.readNullableString()]);
        return { code, baseOffset, message: partition.readNullableString() ?? "" };
      });
      return partitions;
    });
    reader.readInt32();
    reader.readTaggedFields();
    return answers[0]![0]!;
  });
}

function fetchBatches(library: KafkaLibrary, connection: Connection, { topic, offset, maxWaitMs, maxBytes }: FetchOptions & { readonly topic: string }): Promise<Fetched> {
  const payload = () => library.Writer.create().appendInt32(-1).appendInt32(maxWaitMs).appendInt32(1).appendInt32(maxBytes).appendInt8(0).appendInt32(0).appendInt32(-1)
    .appendArray([topic], (topics, name) => {
      topics.appendString(name).appendArray([0], (partitions, index) => {
        partitions.appendInt32(index).appendInt32(-1).appendInt64(BigInt(offset)).appendInt32(-1).appendInt64(-1n).appendInt32(maxBytes);
      });
    }).appendArray([] as number[], () => undefined).appendString("").appendTaggedFields();
  return send(connection, [FETCH, FETCH_VERSION], payload, (_, __, ___, reader) => {
    reader.readInt32();
    const code = reader.readInt16();
    reader.readInt32();
    const answers = reader.readArray((topics) => {
      topics.readString();
      return topics.readArray((partition) => readPartition(partition));
    });
    reader.readTaggedFields();
    const [answer] = answers[0] ?? [];
    return answer ?? { code, highWatermark: -1, oldestOffset: -1, batches: [] };
  });
}

function readPartition(partition: Reader): Fetched {
  partition.readInt32();
  const code = partition.readInt16();
  const highWatermark = Number(partition.readInt64());
  partition.readInt64();
  const oldestOffset = Number(partition.readInt64());
  partition.readNullableArray((aborted) => [aborted.readInt64(), aborted.readInt64()]);
  partition.readInt32();
  const records = partition.readNullableBytes();
  return { code, highWatermark, oldestOffset, batches: records === null ? [] : splitKafkaBatches(Buffer.from(records)).filter(({ baseOffset, count }) => highWatermark < 0 || baseOffset + count <= highWatermark) };
}

/** Kafka's error code in what the library threw. */
export function protocolCode(thrown: unknown): number | undefined {
  const { apiCode, errors, cause, message } = (thrown ?? {}) as { apiCode?: unknown; errors?: readonly unknown[]; cause?: unknown; message?: unknown };
  if (typeof apiCode === "number") return apiCode;
  if (typeof message === "string" && message.startsWith("Unknown topic ")) return UNKNOWN_TOPIC; // the library's own words, before it asks a leader
  for (const inner of [...errors ?? [], cause]) {
    const code = inner === undefined ? undefined : protocolCode(inner);
    if (code !== undefined) return code;
  }
  return undefined;
}
