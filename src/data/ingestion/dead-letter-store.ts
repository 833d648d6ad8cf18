/**
 * A stream's dead letters in the log: written before a request is acknowledged, read back by id, resolved by an entry
 * in a second log. The index of states and counts is rebuilt from both logs at opening, in the background.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import { deadLetterLog, decodeLetter, encodeLetter, resolutionLog } from "./dead-letter.ts";
import type { DeadLetter, StoredLetter } from "./dead-letter.ts";
import { createDeadLetterIndex } from "./dead-letter-index.ts";
import type { DeadLetterIndex, LetterSelection } from "./dead-letter-index.ts";
import { recordsAt } from "./records-at.ts";

export interface DeadLetterStore {
  /** Resolves when the letters are durable, with their ids. `unique` makes their record ids. */
  append(letters: readonly StoredLetter[], unique: string): Promise<readonly string[]>;
  /** The index, complete. */
  index(): Promise<DeadLetterIndex>;
  /** Open letters as far as the index has been rebuilt. */
  openCount(): number;
  select(selection: LetterSelection): Promise<readonly number[]>;
  read(offsets: readonly number[]): AsyncIterable<DeadLetter>;
  /** The offset of a letter's id; DEAD_LETTER_NOT_FOUND when there is none. */
  find(id: string): Promise<number>;
  /** Durable when it resolves; returns how many letters were open until now. */
  resolve(offsets: readonly number[], resolution: "replayed" | "discarded"): Promise<number>;
}

export interface DeadLetterStoreOptions {
  readonly log: EventLog;
  readonly stream: string;
  readonly clock: Clock;
}

interface Resolution {
  readonly letters: readonly number[];
  readonly resolution: "replayed" | "discarded";
}

export function createDeadLetterStore({ log, stream, clock }: DeadLetterStoreOptions): DeadLetterStore {
  const letters = deadLetterLog(stream), resolutions = resolutionLog(stream);
  const index = createDeadLetterIndex();
  const rebuilt = rebuild(log, index, stream);
  rebuilt.catch(() => undefined); // whoever needs the index meets the failure

  const find = async (id: string): Promise<number> => {
    await rebuilt;
    const offset = /^(?:0|[1-9]\d{0,15})$/.test(id) ? Number(id) : -1;
    if (offset < log.statistics(letters).oldestOffset || index.stateOf(offset) === undefined) throw new StrataError("DEAD_LETTER_NOT_FOUND", { id, stream });
    return offset;
  };

  return {
    find,
    append: async (added, unique) => {
      const nowMs = clock.now();
      const records = added.map((letter, n) => ({ id: `${unique}.${n}`, timeMs: nowMs, knownAtMs: nowMs, payload: encodeLetter(letter) }));
      const { baseOffset } = await log.append(letters, records);
      for (const [n, letter] of added.entries()) index.add(baseOffset + n, letter.reason);
      return added.map((_, n) => String(baseOffset + n));
    },
    index: async () => {
      await rebuilt;
      return index;
    },
    openCount: index.open,
    select: async (selection) => {
      await rebuilt;
      return index.select({ ...selection, from: Math.max(selection.from, log.statistics(letters).oldestOffset) });
    },
    async *read(offsets) {
      for await (const record of recordsAt(log, letters, offsets)) {
        yield { id: String(record.offset), state: index.stateOf(record.offset) ?? "open", ...decodeLetter(record) };
      }
    },
    resolve: async (offsets, resolution) => {
      if (offsets.length === 0) return 0;
      const nowMs = clock.now();
      const entry: Resolution = { letters: offsets, resolution };
      await log.append(resolutions, [{ id: `${resolution}.${offsets[0]}.${nowMs}`, timeMs: nowMs, knownAtMs: nowMs, payload: Buffer.from(JSON.stringify(entry)) }]);
      return offsets.filter((offset) => index.resolve(offset, resolution)).length;
    },
  };
}

/** Letters and resolutions may come in any order: the index lets a resolution win. */
async function rebuild(log: EventLog, index: DeadLetterIndex, stream: string): Promise<void> {
  for (const name of [resolutionLog(stream), deadLetterLog(stream)]) {
    const { oldestOffset } = log.statistics(name);
    for await (const batch of log.read(name, { from: { offset: oldestOffset } })) {
      for (const record of batch.records) {
        if (name === deadLetterLog(stream)) index.add(record.offset, decodeLetter(record).reason);
        else applyResolution(index, JSON.parse(Buffer.from(record.payload).toString()) as Resolution); // only `resolve` writes to this log
      }
    }
  }
}

function applyResolution(index: DeadLetterIndex, { letters, resolution }: Resolution): void {
  for (const offset of letters) index.resolve(offset, resolution);
}
