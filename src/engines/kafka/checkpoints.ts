/** Consumer checkpoints as Kafka's committed offsets: one group per checkpoint group, so that Kafka's own tools show the lag. */
import { setTimeout as sleep } from "node:timers/promises";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { decodeLogName, encodeLogName } from "../../ports/log-name.ts";
import type { Admin } from "@platformatic/kafka";
import type { LogState } from "./log-state.ts";

export interface Checkpoints {
  get(topic: string, group: string): number;
  commit(log: LogState, group: string, nextOffset: number): Promise<void>;
  /** Reads what other processes committed. */
  refresh(): Promise<void>;
}

/** The coordinator of a group may move or still be loading; 40 × 100 ms outlasts a restart of it. */
const ATTEMPTS = 40;
const PAUSE_MS = 100;

export async function openCheckpoints(admin: Admin, prefix: string): Promise<Checkpoints> {
  const known = new Map<string, number>();
  const queues = new Map<string, Promise<void>>();
  const keyOf = (topic: string, group: string): string => `${topic} ${group}`;
  const raise = (key: string, offset: number): void => { known.set(key, Math.max(offset, known.get(key) ?? 0)); };

  const readAll = async (): Promise<void> => {
    const groups = [...(await admin.listGroups()).keys()].filter((group) => group.startsWith(`${prefix}.`));
    if (groups.length === 0) return;
    for (const { groupId, topics } of await admin.listConsumerGroupOffsets({ groups })) {
      for (const { name, partitions } of topics) {
        for (const { committedOffset } of partitions) if (committedOffset > 0n) raise(keyOf(name, decodeLogName(groupId.slice(prefix.length + 1))), Number(committedOffset));
      }
    }
  };
  const patiently = async (what: () => Promise<void>): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await what();
      } catch (thrown) {
        if (attempt === ATTEMPTS) throw thrown;
        await sleep(PAUSE_MS);
      }
    }
  };
  await patiently(readAll);

  const commit = async (log: LogState, group: string, nextOffset: number): Promise<void> => {
    const key = keyOf(log.topic, group);
    if (nextOffset <= (known.get(key) ?? 0)) return;
    try {
      await patiently(() => admin.alterConsumerGroupOffsets({ groupId: `${prefix}.${encodeLogName(group)}`, topics: [{ name: log.topic, partitionOffsets: [{ partition: 0, offset: BigInt(nextOffset) }] }] }));
    } catch (thrown) {
      throw new StrataError("LOG_WRITE_FAILED", { log: log.name, reason: `the checkpoint of group "${group}" was not stored: ${reasonOf(thrown)}` }, { cause: thrown });
    }
    raise(key, nextOffset);
  };

  return {
    get: (topic, group) => known.get(keyOf(topic, group)) ?? 0,
    commit: (log, group, nextOffset) => {
      const key = keyOf(log.topic, group);
      const mine = (queues.get(key) ?? Promise.resolve()).catch(() => undefined).then(() => commit(log, group, nextOffset));
      queues.set(key, mine);
      return mine;
    },
    refresh: readAll,
  };
}
