/**
 * One stream's way into the log. A draft is applied in one order: claim ids, wait for duplicates' first events, store
 * dead letters, append events, hand their rows to the decoder. An error therefore means that no event of the request was stored.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { Stream } from "../../define/index.ts";
import type { NewRecord } from "../../ports/event-log.ts";
import type { IntakeLog } from "../partitions/partitioned-log.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { Row } from "../streams/recent-rows.ts";
import { describeRefusal } from "./dead-letter.ts";
import { createDeadLetterStore } from "./dead-letter-store.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { Draft, DraftRecord, RefusedEvent } from "./draft.ts";
import { automaticId, isAutomatic } from "./event-id.ts";
import { createIdClaims } from "./id-claims.ts";
import type { Claimed, IdClaims } from "./id-claims.ts";
import type { IngestResult, RejectedRow } from "./ingest-result.ts";
import { compileRowCheck } from "./row-check.ts";
import type { RowCheck, RowRules } from "./row-check.ts";
import type { RecentIds } from "./recent-ids.ts";

export interface StreamIntake {
  readonly stream: Stream;
  readonly check: RowCheck;
  readonly deadLetters: DeadLetterStore;
  readonly maxRecordBytes: number;
  /**
   * Makes the draft durable. Rejects with the log's error when nothing was appended.
   * `onHandedOver` runs when the log has taken everything over and counts its bytes itself.
   */
  apply(draft: Draft, onHandedOver?: () => void): Promise<IngestResult>;
  /** Makes what a derivation made durable, in its order: letters, then events. Ids are the derivation's own and not compared. */
  storeDerived(outputs: DerivedOutputs): Promise<void>;
}

/** Events that a derivation made, with their rows, and those its schema refused. */
export interface DerivedOutputs {
  readonly records: readonly NewRecord[];
  /** One per record. */
  readonly rows: readonly Row[];
  readonly refused: readonly RefusedEvent[];
}

export interface IntakeOptions {
  readonly log: IntakeLog;
  readonly decoder: EventDecoder;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Event ids remembered, at least. */
  readonly dedupeRecords: number;
  readonly maxRecordBytes: number;
  readonly door?: QualityDoor | undefined;
  /** Told of records that became durable, and of those that were durable at opening. */
  readonly onStored?: (stream: string, records: readonly Pick<NewRecord, "timeMs">[]) => void;
}

/** What data quality says at the door of a stream. */
export interface QualityDoor {
  /** Raises STREAM_STOPPED. */
  admit(stream: string): void;
  rowRules(stream: string): RowRules | undefined;
  /** Rules that have something to say about an event without keeping it out. */
  rowWarnings(stream: string): RowRules | undefined;
}

/** Reads the ids at the end of the stream's log, then takes events. */
export async function openStreamIntake(stream: Stream, options: IntakeOptions & { readonly recentIds: RecentIds }): Promise<StreamIntake> {
  const { log, clock } = options;
  const claims = createIdClaims(options.recentIds);
  await rememberTail(stream.name, claims, options);
  return createIntake({ stream, claims, options, deadLetters: createDeadLetterStore({ log, stream: stream.name, clock }) });
}

/** The same intake after the stream's definition changed: ids and dead letters stay. */
export function redefineIntake(intake: StreamIntake, stream: Stream, door?: QualityDoor): StreamIntake {
  return { ...intake, stream, check: compileRowCheck(stream, () => door?.rowRules(stream.name)) };
}

interface IntakeParts {
  readonly stream: Stream;
  readonly claims: IdClaims;
  readonly deadLetters: DeadLetterStore;
  readonly options: IntakeOptions;
}

interface Outcome {
  readonly claimed: Claimed;
  readonly rejected: readonly RejectedRow[];
  readonly appendedTo: number;
}

function createIntake({ stream, claims, deadLetters, options }: IntakeParts): StreamIntake {
  const { log, decoder, ids } = options;
  const { name } = stream;

  const storeLetters = async (draft: Pick<Draft, "refused" | "nowMs" | "backfill">): Promise<readonly RejectedRow[]> => {
    if (draft.refused.length === 0) return [];
    const context = { stream: name, receivedAtMs: draft.nowMs, backfill: draft.backfill, maxEventBytes: options.maxRecordBytes };
    const letterIds = await deadLetters.append(draft.refused.map((refused) => describeRefusal(refused, context)), ids.next());
    return draft.refused.map((refused, at) => rejectedRow(refused, letterIds[at]!));
  };

  const append = async (draft: Draft, { fresh }: Claimed): Promise<number> => {
    if (fresh.length === 0) return 0;
    const records = selectFresh(draft.records, fresh);
    identify(records, ids);
    const arrived = decoder.announce(name);
    try {
      const rows = selectFresh(draft.rows, fresh);
      const { baseOffset, nextOffset } = await log.append(name, records, rows);
      decoder.offer(name, baseOffset, rows);
      options.onStored?.(name, records);
      return nextOffset;
    } finally {
      arrived();
    }
  };
  const appendDerived = async ({ records, rows }: DerivedOutputs): Promise<void> => {
    const arrived = decoder.announce(name);
    try {
      const { baseOffset } = await log.append(name, records, rows);
      decoder.offer(name, baseOffset, rows);
      options.onStored?.(name, records);
    } finally {
      arrived();
    }
  };

  const describe = (draft: Draft, { claimed, rejected, appendedTo }: Outcome): IngestResult => {
    const accepted = claimed.fresh.length;
    const duplicates = draft.records.length - accepted;
    const nextOffset = accepted === 0 || duplicates > 0 ? log.statistics(name).nextOffset : appendedTo; // a duplicate's first event may lie anywhere below the end
    return { accepted, duplicates, rejected: rejected.length, nextOffset, ...(rejected.length > 0 ? { rows: rejected } : {}) };
  };

  return {
    stream, deadLetters,
    maxRecordBytes: options.maxRecordBytes,
    check: compileRowCheck(stream, () => options.door?.rowRules(name)),
    storeDerived: async (outputs) => {
      await storeLetters({ refused: [...outputs.refused], nowMs: options.clock.now(), backfill: false });
      if (outputs.records.length > 0) await appendDerived(outputs);
    },
    apply: async (draft, onHandedOver) => {
      options.door?.admit(name);
      const claimed = claims.claim(draft.records);
      try {
        if (claimed.others !== undefined) await claimed.others;
        const rejected = await storeLetters(draft);
        const appending = append(draft, claimed);
        onHandedOver?.();
        const result = describe(draft, { claimed, rejected, appendedTo: await appending });
        claimed.settle();
        return result;
      } catch (thrown) {
        claimed.settle({ error: thrown });
        throw thrown;
      }
    },
  };
}

/** All of them, mostly: then nothing is copied. */
function selectFresh<T>(items: T[], fresh: readonly number[]): T[] {
  return fresh.length === items.length ? items : fresh.map((at) => items[at]!);
}

function identify(records: readonly DraftRecord[], ids: IdSource): void {
  let unique: string | undefined;
  for (let at = 0; at < records.length; at++) {
    if (records[at]!.id === "") records[at]!.id = automaticId(unique ??= ids.next(), at);
  }
}

function rejectedRow({ index, problems }: RefusedEvent, deadLetterId: string): RejectedRow {
  return { index, status: "dead-letter", deadLetterId, problems };
}

async function rememberTail(name: string, claims: IdClaims, { log, dedupeRecords, onStored }: IntakeOptions): Promise<void> {
  const { oldestOffset, nextOffset } = log.statistics(name);
  const from = Math.max(oldestOffset, nextOffset - dedupeRecords);
  if (from >= nextOffset) return;
  for await (const batch of log.read(name, { from: { offset: from } })) {
    for (const { id } of batch.records) if (!isAutomatic(id)) claims.remember(id);
    onStored?.(name, batch.records);
  }
}
