/**
 * One model on several servers. It is there as soon as one of them answers; those that do not yet are asked again and
 * join when they do.
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { createRandom } from "../kernel/random.ts";
import type { InferenceModel, ModelDescription, RemoteModel } from "../ports/inference-model.ts";
import type { Meter } from "../ports/telemetry.ts";
import { createReplicaSet } from "../serving/index.ts";
import type { ReplicaModel, ReplicaSet } from "../serving/index.ts";

export interface RemoteReplicasOptions {
  readonly remote: RemoteModel;
  readonly describe: ModelDescription;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly openOne: (url: string) => Promise<InferenceModel>;
}

/** A server that was down at the start is found this soon after it comes up. */
const ASK_AGAIN_MS = 5_000;

/** Raises what the first server's failure was when none answers. */
export async function openRemoteReplicas({ remote, describe, clock, meter, openOne }: RemoteReplicasOptions): Promise<ReplicaSet> {
  const present = new Map<string, ReplicaModel>();
  const openAbsent = async (): Promise<unknown> => {
    const absent = remote.urls.filter((url) => !present.has(url));
    const opened = await Promise.allSettled(absent.map(openOne));
    opened.forEach((result, at) => { if (result.status === "fulfilled") present.set(absent[at]!, { name: absent[at]!, model: result.value }); });
    return opened.find((result) => result.status === "rejected")?.reason;
  };
  const failure = await openAbsent();
  if (present.size === 0) throw failure;
  const set = createReplicaSet({ name: describe.model, replicas: [...present.values()], clock, random: createRandom(randomInt(2 ** 32)), meter });
  const stop = new AbortController();
  const waitForOthers = async (): Promise<void> => {
    while (present.size < remote.urls.length) {
      await clock.sleep(ASK_AGAIN_MS, stop.signal);
      const before = present.size;
      await openAbsent();
      if (present.size > before) set.update([...present.values()]);
    }
  };
  const waiting = waitForOthers().catch(() => undefined); // it was closed, or a late server has another signature: the others serve on
  return {
    ...set,
    get concurrency() { return set.concurrency; },
    get memoryBytes() { return set.memoryBytes; },
    close: async () => {
      stop.abort();
      await waiting;
      await set.close();
    },
  };
}
