/**
 * The topics of the logs: one partition each, made with the settings that keep data: nothing is deleted by age or size,
 * a single broker syncs before it acknowledges, several must agree on a majority. Settings of topics that an operator
 * made are checked, and what is too weak is said.
 */
import { decodeLogName } from "../../ports/log-name.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { BrokerClient } from "./broker-client.ts";
import { UNKNOWN_TOPIC, protocolCode } from "./broker-client.ts";
import type { LogState } from "./log-state.ts";

export interface LogTopics {
  /** Names of the logs that the cluster has. */
  names(): Promise<readonly string[]>;
  /** Makes the log's topic unless it is there. */
  create(log: LogState): Promise<void>;
  /** Asks the broker and updates what is known. */
  refresh(log: LogState, options?: { readonly withSize?: boolean }): Promise<void>;
  /** Says what the topic's settings may lose. */
  checkSettings(log: LogState): Promise<void>;
  /** Removes the records below the offset. */
  dropBelow(log: LogState, offset: number): Promise<void>;
  /** Leaves retention by size to the broker. */
  keepBytes(log: LogState, maxBytes: number): Promise<void>;
}

export interface LogTopicsOptions {
  readonly prefix: string;
  readonly replicas: number;
  readonly logger: Logger;
}

/** An append leaves as one batch; ingestion's largest request is 16 MiB. */
export const MAX_BATCH_BYTES = 32 * 1024 * 1024;

const TOPIC_ALREADY_EXISTS = 36;
const TOPIC_RESOURCE = 2;
const SET = 0;
const END = -1, BEGINNING = -2, LATEST = -3;

export function createLogTopics(client: BrokerClient, { prefix, replicas, logger }: LogTopicsOptions): LogTopics {
  const { admin } = client;
  const settings: Readonly<Record<string, string>> = {
    "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": String(MAX_BATCH_BYTES), "message.timestamp.type": "CreateTime",
    "min.insync.replicas": String(replicas >= 3 ? 2 : 1), ...(replicas === 1 ? { "flush.messages": "1" } : {}), "unclean.leader.election.enable": "false",
  };

  const sizeOf = async ({ topic }: LogState): Promise<number> => {
    const folders = await admin.describeLogDirs({ topics: [{ name: topic, partitions: [0] }] });
    const sizes = folders.flatMap(({ results }) => results.flatMap(({ topics }) => topics.filter(({ name }) => name === topic).flatMap(({ partitions }) => partitions.map(({ partitionSize }) => Number(partitionSize)))));
    return Math.max(0, ...sizes);
  };

  return {
    names: async () => (await admin.listTopics({ includeInternals: false })).filter((topic) => topic.startsWith(`${prefix}.`)).map((topic) => decodeLogName(topic.slice(prefix.length + 1))).toSorted(),
    create: async (log) => {
      try {
        await admin.createTopics({ topics: [log.topic], partitions: 1, replicas, configs: Object.entries(settings).map(([name, value]) => ({ name, value })) });
      } catch (thrown) {
        if (protocolCode(thrown) !== TOPIC_ALREADY_EXISTS) throw thrown;
      }
      log.exists = true;
    },
    refresh: async (log, { withSize = false } = {}) => {
      try {
        const end = await client.offsetAt(log.topic, END);
        const oldest = await client.offsetAt(log.topic, BEGINNING);
        const latest = (end?.offset ?? 0) > log.nextOffset ? await client.offsetAt(log.topic, LATEST) : undefined;
        log.exists = true;
        log.oldestOffset = Math.max(log.oldestOffset, oldest?.offset ?? 0);
        log.lastAppendedAtMs = Math.max(log.lastAppendedAtMs, latest?.timeMs ?? 0);
        if (withSize) log.sizeBytes = await sizeOf(log);
        if ((end?.offset ?? 0) <= log.nextOffset) return;
        log.nextOffset = end!.offset;
        log.changed.ring();
      } catch (thrown) {
        if (log.exists || protocolCode(thrown) !== UNKNOWN_TOPIC) throw thrown;
      }
    },
    checkSettings: async ({ topic }) => {
      const [described] = await admin.describeConfigs({ resources: [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: ["min.insync.replicas", "flush.messages", "retention.ms", "cleanup.policy"] }] });
      const value = (name: string): string | undefined => described?.configs.find((config) => config.name === name)?.value ?? undefined;
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
      const copies = metadata.topics.get(topic)?.partitions[0]?.replicas.length ?? 1;
      for (const weakness of weaknessesOf({ copies, value })) logger.log("warn", `Kafka topic "${topic}": ${weakness}`, { topic });
    },
    dropBelow: async (log, offset) => {
      await admin.deleteRecords({ topics: [{ name: log.topic, partitions: [{ partition: 0, offset: BigInt(offset) }] }] });
      log.oldestOffset = Math.max(log.oldestOffset, offset);
    },
    keepBytes: async ({ topic }, maxBytes) => {
      await admin.incrementalAlterConfigs({ resources: [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configs: [{ name: "retention.bytes", configOperation: SET, value: String(Math.max(1, Math.floor(maxBytes))) }] }] });
    },
  };
}

/** What a topic's settings may lose, in sentences. */
export function weaknessesOf({ copies, value }: { readonly copies: number; readonly value: (name: string) => string | undefined }): readonly string[] {
  const majority = Math.floor(copies / 2) + 1;
  return [
    ...(copies === 1 && value("flush.messages") !== "1" ? ["it has one copy and does not sync before it acknowledges; a power loss can take acknowledged events. Set flush.messages=1, or make 3 copies."] : []),
    ...(copies > 1 && Number(value("min.insync.replicas")) < majority ? [`min.insync.replicas is ${value("min.insync.replicas")} of ${copies} copies: an event may be acknowledged by one broker alone. Set it to ${majority}.`] : []),
    ...(value("cleanup.policy")?.includes("compact") ? ["it is compacted, so offsets will have gaps. Set cleanup.policy=delete."] : []),
    ...(value("retention.ms") === "-1" ? [] : [`the broker deletes events after ${value("retention.ms")} ms, whether or not the lake has them. Set retention.ms=-1 and give the stream a retention.`]),
  ];
}
