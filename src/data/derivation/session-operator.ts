/**
 * Session windows: events of a key belong together while no gap between them is longer than the definition's. Sessions
 * that an event comes between are merged. A session is told once, when the watermark has passed its end by the gap,
 * because from then on nothing that may still come can reach it.
 */
import { compileExpression } from "../../define/index.ts";
import type { EventValue, SessionDerivation } from "../../define/index.ts";
import { createWatermark, type WatermarkState } from "../streams/watermark.ts";
import { keyOf } from "./field-maker.ts";
import { decodeState, encodeState, lateProblem, sourceName, type Emit, type Operator, type SourceEvent } from "./operator.ts";
import { compileSessionValue, type ValueState } from "./session-value.ts";
import { createTimerQueue, type Timer } from "./timer-queue.ts";

interface Session {
  readonly key: string;
  readonly keys: readonly EventValue[];
  startMs: number;
  endMs: number;
  /** The lowest offset of its events: no other session has it. */
  firstOffset: number;
  knownAtMs: number;
  readonly values: ValueState[];
}

interface Saved {
  readonly watermark: WatermarkState;
  readonly late: number;
  readonly keyless: number;
  readonly sessions: readonly Session[];
}

/** Stands for the session as it was then; one that has grown since has a newer one. */
interface SessionTimer extends Timer {
  readonly session: Session;
}

export function createSessionOperator({ from, by, gapMs, values }: SessionDerivation, bytes?: Uint8Array): Operator {
  const saved = bytes === undefined ? undefined : decodeState(bytes) as Saved; // `save` wrote it
  const keys = Object.entries(by).map(([field, node]) => ({ field, read: compileExpression(node) }));
  const folders = Object.entries(values).map(([field, value]) => ({ field, ...compileSessionValue(value) }));
  const watermark = createWatermark(from.watermark.delayMs, saved?.watermark);
  const open = new Map<string, Session[]>();
  const due = createTimerQueue<SessionTimer>();
  let [late, keyless, held] = [saved?.late ?? 0, saved?.keyless ?? 0, 0];

  const schedule = (session: Session): void => due.push({ dueMs: session.endMs + gapMs, offset: session.firstOffset, session });
  const isCurrent = ({ session, dueMs, offset }: SessionTimer): boolean =>
    session.endMs + gapMs === dueMs && session.firstOffset === offset && (open.get(session.key)?.includes(session) ?? false);

  const add = (session: Session): void => {
    const list = open.get(session.key);
    if (list === undefined) open.set(session.key, [session]);
    else list.push(session);
    held++;
    schedule(session);
  };
  const remove = (session: Session): void => {
    const list = open.get(session.key)!.filter((other) => other !== session); // only open sessions are removed
    if (list.length === 0) open.delete(session.key);
    else open.set(session.key, list);
    held--;
  };
  for (const session of saved?.sessions ?? []) add(session);

  const fold = (event: SourceEvent): void => {
    const parts = keys.map(({ read }) => read(event.row, event.timeMs));
    const key = keyOf(parts);
    if (key === undefined) return void keyless++;
    const { timeMs, offset, knownAtMs } = event;
    const touched = (open.get(key) ?? []).filter(({ startMs, endMs }) => timeMs >= startMs - gapMs && timeMs <= endMs + gapMs);
    const session = touched[0] ?? { key, keys: parts, startMs: timeMs, endMs: timeMs, firstOffset: offset, knownAtMs, values: folders.map(({ create }) => create()) };
    for (const other of touched.slice(1)) {
      folders.forEach(({ merge }, at) => merge(session.values[at]!, other.values[at]!));
      extend(session, other);
      remove(other);
    }
    folders.forEach((folder, at) => folder.fold(session.values[at]!, event));
    extend(session, { startMs: timeMs, endMs: timeMs, firstOffset: offset, knownAtMs });
    if (touched.length === 0) add(session);
    else schedule(session);
  };

  const close = (session: Session, knownAtMs: number, emit: Emit): void => {
    const { startMs, endMs, firstOffset } = session;
    const row: Record<string, EventValue> = {};
    keys.forEach(({ field }, at) => (row[field] = session.keys[at]!));
    row["started_at"] = new Date(startMs).toISOString();
    row["ended_at"] = new Date(endMs).toISOString();
    folders.forEach(({ field, result }, at) => {
      const value = result(session.values[at]!);
      if (value !== undefined) row[field] = value;
    });
    remove(session);
    emit({ id: `of:${sourceName({ stream: from.name, offset: firstOffset })}~`, timeMs: endMs, knownAtMs: Math.max(session.knownAtMs, knownAtMs), row });
  };

  const closeDue = (knownAtMs: number, emit: Emit): void => {
    for (let next = due.peek(); next !== undefined && next.dueMs < watermark.valueMs; next = due.peek()) {
      due.pop();
      if (isCurrent(next)) close(next.session, knownAtMs, emit);
    }
  };

  return {
    apply: (event, emit) => {
      if (event.timeMs < watermark.valueMs) {
        late++;
        emit({ id: `of:${sourceName(event)}`, payload: event.payload, problems: [lateProblem(event.timeMs, watermark.valueMs)] });
        return;
      }
      fold(event);
      watermark.observe(event.timeMs);
      closeDue(event.knownAtMs, emit);
    },
    advance: (_, toMs, knownAtMs, emit) => {
      watermark.raise(toMs);
      closeDue(knownAtMs, emit);
    },
    waitsFor: () => {
      for (let next = due.peek(); next !== undefined; next = due.peek()) {
        if (isCurrent(next)) return next.dueMs;
        due.pop();
      }
      return Infinity;
    },
    save: () => encodeState({ watermark: watermark.state, late, keyless, sessions: [...open.values()].flat() } satisfies Saved),
    get counts() { return { late, keyless, held }; },
  };
}

function extend(session: Session, by: Pick<Session, "startMs" | "endMs" | "firstOffset" | "knownAtMs">): void {
  session.startMs = Math.min(session.startMs, by.startMs);
  session.endMs = Math.max(session.endMs, by.endMs);
  session.firstOffset = Math.min(session.firstOffset, by.firstOffset);
  session.knownAtMs = Math.max(session.knownAtMs, by.knownAtMs);
}
