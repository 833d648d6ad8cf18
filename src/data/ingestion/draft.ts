/**
 * One request's events while they are checked: records ready to append with their rows, and refused events with their
 * problems. Nothing is stored yet, so a request that fails here leaves no trace.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { Row } from "../streams/recent-rows.ts";
import { keyId } from "./event-id.ts";
import { isRefusal } from "./row-check.ts";
import type { RowCheck } from "./row-check.ts";

/** A record in the making; `id` is "" when the event has none. */
export interface DraftRecord {
  id: string;
  readonly timeMs: number;
  readonly knownAtMs: number;
  readonly payload: Uint8Array;
}

export interface RefusedEvent {
  readonly index: number;
  readonly payload: Uint8Array;
  readonly problems: readonly Problem[];
  /** The record id and event time that the request gave it, for its replay. */
  readonly id: string | undefined;
  readonly timeMs: number | undefined;
}

/** What a request says about an event beside its text. */
export interface Given {
  /** As a record id. */
  readonly id?: string | undefined;
  readonly timeMs?: number | undefined;
  /** When it first arrived, for the lateness check of a replay. Default: now. */
  readonly arrivedAtMs?: number | undefined;
}

export interface Draft {
  readonly records: DraftRecord[];
  /** One per record. */
  readonly rows: Row[];
  readonly refused: RefusedEvent[];
  readonly backfill: boolean;
  readonly nowMs: number;
  /** Checks the request's next event. */
  take(value: unknown, payload: Uint8Array, given?: Given): void;
  /** Refuses the request's next event. */
  refuse(payload: Uint8Array, problems: readonly Problem[], given?: Given): void;
  /** Events so far. */
  size(): number;
}

export interface DraftOptions {
  readonly check: RowCheck;
  readonly latenessMs: number;
  readonly nowMs: number;
  readonly backfill: boolean;
  readonly idempotencyKey?: string | undefined;
}

const NOTHING_GIVEN: Given = {};

/** Bounds what one request can make of its bytes in memory: 16 MiB of "1" lines would be 8 million dead letters of 300 bytes. */
export const MAX_EVENTS = 250_000;
export const MAX_REFUSED = 10_000;

export function createDraft({ check, latenessMs, nowMs, backfill, idempotencyKey }: DraftOptions): Draft {
  const records: DraftRecord[] = [];
  const rows: Row[] = [];
  const refused: RefusedEvent[] = [];
  let index = 0;
  const idFor = (given: Given): string | undefined => given.id ?? (idempotencyKey === undefined ? undefined : keyId(idempotencyKey, index));

  const refuse: Draft["refuse"] = (payload, problems, given = NOTHING_GIVEN) => {
    if (refused.length >= MAX_REFUSED) throw new StrataError("REQUEST_INVALID", { reason: `More than ${MAX_REFUSED} events of one request are not valid, the last because it ${problems[0]?.message}; nothing was stored. Check the stream and the format, then send smaller requests.` });
    refused.push({ index, payload, problems, id: idFor(given), timeMs: given.timeMs });
    index++;
  };
  return {
    records, rows, refused, backfill, nowMs, refuse,
    take: (value, payload, given = NOTHING_GIVEN) => {
      if (index >= MAX_EVENTS) throw new StrataError("REQUEST_INVALID", { reason: `A request may hold at most ${MAX_EVENTS} events; nothing was stored. Split it.` });
      const checked = check(value);
      if (isRefusal(checked)) return refuse(payload, checked, given);
      const timeMs = checked.timeMs ?? given.timeMs ?? nowMs;
      if (!backfill && (given.arrivedAtMs ?? nowMs) - timeMs > latenessMs) return refuse(payload, [tooLate(timeMs, latenessMs)], given);
      records.push({ id: checked.id ?? idFor(given) ?? "", timeMs, knownAtMs: backfill ? timeMs : nowMs, payload });
      rows.push(checked.row);
      index++;
    },
    size: () => index,
  };
}

function tooLate(timeMs: number, latenessMs: number): Problem {
  const { message, code } = new StrataError("EVENT_TOO_LATE", { time: new Date(timeMs).toISOString(), latenessMs });
  return { path: "", message, code };
}
