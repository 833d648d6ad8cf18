/**
 * Consumer checkpoints: a stream that keeps the newest message of each subject, one subject per log and group. A commit
 * expects the subject's last sequence (compare and set), so that a value never moves backwards whoever else commits.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { encodeLogName } from "../../ports/log-name.ts";
import type { JetStreamClient, JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { apiCode } from "./log-streams.ts";

export interface Checkpoints {
  get(log: string, group: string): number;
  commit(log: string, group: string, nextOffset: number): Promise<void>;
  /** Reads what other processes committed for the log. */
  refresh(log: string): Promise<void>;
}

interface Place {
  readonly nextOffset: number;
  readonly sequence: number;
}

const WRONG_SEQUENCE = new Set([10_071, 10_164]);
const ATTEMPTS = 40;
const PAUSE_MS = 50;
const STREAM_NOT_FOUND = 10_059;

export async function openCheckpoints(manager: JetStreamManager, client: JetStreamClient, { prefix, replicas }: { readonly prefix: string; readonly replicas: number }): Promise<Checkpoints> {
  const stream = `${prefix}-checkpoints`;
  const subjectOf = (log: string, group: string): string => `${prefix}.checkpoint.${encodeLogName(log)}.${encodeLogName(group)}`;
  const known = new Map<string, Place>();
  await ensureStream(manager, { name: stream, subjects: [`${prefix}.checkpoint.*.*`], replicas });

  const note = (subject: string, place: Place): void => {
    if (place.sequence > (known.get(subject)?.sequence ?? 0)) known.set(subject, place);
  };
  const readLast = async (subject: string): Promise<void> => {
    const last = await manager.direct.getMessage(stream, { last_by_subj: subject });
    if (last !== null) note(subject, { nextOffset: Number(last.string()), sequence: last.seq });
  };
  const readAll = async (filter: string): Promise<void> => {
    const subjects = await manager.streams.info(stream, { subjects_filter: filter });
    for (const subject of Object.keys(subjects.state.subjects ?? {})) await readLast(subject);
  };
  await readAll(`${prefix}.checkpoint.*.*`);

  const store = async (subject: string, nextOffset: number): Promise<void> => {
    const sequence = known.get(subject)?.sequence ?? 0;
    const acknowledged = await client.publish(subject, String(nextOffset), { expect: { lastSubjectSequence: sequence }, timeout: 2_000 });
    note(subject, { nextOffset, sequence: acknowledged.seq });
  };

  const get = (log: string, group: string): number => known.get(subjectOf(log, group))?.nextOffset ?? 0;
  const queues = new Map<string, Promise<void>>();
  const commit = async (log: string, group: string, nextOffset: number): Promise<void> => {
    const subject = subjectOf(log, group);
    let failure: unknown;
    for (let attempt = 0; attempt < ATTEMPTS && nextOffset > get(log, group); attempt++) {
      try {
        await store(subject, nextOffset);
      } catch (thrown) {
        failure = thrown;
        if (isStrataError(thrown)) throw thrown;
        const code = apiCode(thrown);
        if (code === undefined || !WRONG_SEQUENCE.has(code)) await sleep(PAUSE_MS);
        await readLast(subject).catch(() => undefined); // asked again with the next attempt
      }
    }
    if (nextOffset > get(log, group)) throw new StrataError("LOG_WRITE_FAILED", { log, reason: `the checkpoint of group "${group}" was not stored: ${reasonOf(failure)}` }, { cause: failure });
  };

  return {
    get,
    commit: (log, group, nextOffset) => {
      const key = subjectOf(log, group);
      const mine = (queues.get(key) ?? Promise.resolve()).catch(() => undefined).then(() => commit(log, group, nextOffset));
      queues.set(key, mine);
      return mine;
    },
    refresh: (log) => readAll(`${prefix}.checkpoint.${encodeLogName(log)}.*`),
  };
}

async function ensureStream(manager: JetStreamManager, { name, subjects, replicas }: { readonly name: string; readonly subjects: string[]; readonly replicas: number }): Promise<void> {
  try {
    await manager.streams.info(name);
  } catch (thrown) {
    if (apiCode(thrown) !== STREAM_NOT_FOUND) throw thrown;
    await manager.streams.add({ name, subjects, storage: "file", num_replicas: replicas, max_msgs_per_subject: 1, allow_direct: true, description: "Strata consumer checkpoints" } as unknown as Partial<StreamConfig> & { name: string }); // the client's enums are the server's words
  }
}
