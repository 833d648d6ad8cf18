/**
 * The values that a field of another stream has had, kept up to date with its log, for rules that refer to it.
 * Values are kept as hashes: eight bytes each in a checkpoint, some forty in memory.
 */
import type { RuleTest } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import { compileReferenceKey } from "./event-judge.ts";
import { decodeNumbers, encodeNumbers } from "./numbers-text.ts";

export type ReferenceTest = Extract<RuleTest, { kind: "refers-to" }>;

export interface ReferenceFollower {
  readonly keys: ReadonlySet<number>;
  /** Everything of that stream that is durable now is known when it resolves. */
  caughtUp(): Promise<void>;
  state(): ReferenceState;
  stop(): Promise<void>;
}

export interface ReferenceState {
  readonly nextOffset: number;
  readonly keys: string;
}

export function followReference(test: ReferenceTest, { log, decoder }: { readonly log: EventLog; readonly decoder: EventDecoder }, saved?: ReferenceState): ReferenceFollower {
  const keyOf = compileReferenceKey(test);
  const statistics = log.statistics(test.stream);
  const isUsable = saved !== undefined && saved.nextOffset <= statistics.nextOffset;
  const keys = new Set<number>(isUsable ? decodeNumbers(saved.keys) : []);
  let nextOffset = Math.max(isUsable ? saved.nextOffset : 0, statistics.oldestOffset);
  const consumer = createStreamConsumer({
    log, decoder, stream: test.stream, fromOffset: nextOffset,
    handle: (batch) => {
      for (const [at, row] of batch.rows.entries()) {
        const key = keyOf(row, batch.timesMs[at]!);
        if (key !== undefined) keys.add(key);
      }
      nextOffset = batch.baseOffset + batch.rows.length;
    },
  });
  return {
    keys,
    caughtUp: () => consumer.caughtUp(log.statistics(test.stream).nextOffset),
    state: () => ({ nextOffset, keys: encodeNumbers(keys) }),
    stop: () => consumer.stop(0),
  };
}

/** What tells the references of two rules apart. */
export function referenceName(test: ReferenceTest): string {
  return `${test.stream} ${JSON.stringify(test.by)}`;
}
