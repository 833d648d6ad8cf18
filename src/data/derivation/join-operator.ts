/**
 * The window join: each event is held until nothing of the other stream can match it any more, which the other
 * stream's watermark tells. A pair is told when its second event comes. Late events take no part, so when an event
 * leaves memory cannot change what is told.
 */
import { compileExpression, fieldsOf } from "../../define/index.ts";
import type { EventValue, JoinDerivation } from "../../define/index.ts";
import { createWatermark, type WatermarkState } from "../streams/watermark.ts";
import { compileFieldMap, keyOf } from "./field-maker.ts";
import { decodeState, encodeState, lateProblem, sourceName, type Emit, type Operator, type SourceEvent } from "./operator.ts";
import { createTimerQueue } from "./timer-queue.ts";

type SideName = "left" | "right";

interface Held {
  readonly key: string;
  readonly offset: number;
  readonly timeMs: number;
  readonly knownAtMs: number;
  /** The fields that the new event reads, as "left.x". */
  readonly fields: Readonly<Record<string, EventValue>>;
  /** When the other stream's watermark passes this, nothing can match it any more. */
  readonly dueMs: number;
  matched: boolean;
}

interface SavedSide {
  readonly watermark: WatermarkState;
  readonly late: number;
  readonly keyless: number;
  readonly held: readonly Held[];
}

interface Saved {
  readonly left: SavedSide;
  readonly right: SavedSide;
}

export function createJoinOperator(join: JoinDerivation, bytes?: Uint8Array): Operator {
  const saved = bytes === undefined ? undefined : decodeState(bytes) as Saved; // `save` wrote it
  const left = createSide(join, "left", saved?.left), right = createSide(join, "right", saved?.right);
  const make = compileFieldMap(join.map);
  const isOuter = join.kind === "left";

  const tellPair = (a: Held, b: Held, emit: Emit): void => {
    a.matched = true;
    const timeMs = Math.max(a.timeMs, b.timeMs);
    emit({ id: `of:${left.nameOf(a)}+${right.nameOf(b)}`, timeMs, knownAtMs: Math.max(a.knownAtMs, b.knownAtMs), row: make({ ...a.fields, ...b.fields }, timeMs) });
  };
  const tellAlone = (a: Held, knownAtMs: number, emit: Emit): void =>
    emit({ id: `of:${left.nameOf(a)}+`, timeMs: a.timeMs, knownAtMs: Math.max(a.knownAtMs, knownAtMs), row: make(a.fields, a.timeMs) });

  const matches = (a: Held, b: Held): boolean => b.timeMs >= a.timeMs - join.beforeMs && b.timeMs <= a.timeMs + join.afterMs && !(left.stream === right.stream && a.offset === b.offset);

  /** What the watermarks have passed leaves; of the left side it is told where that was asked for. */
  const release = (knownAtMs: number, emit: Emit): void => {
    for (const gone of left.release(right.watermark.valueMs)) if (isOuter && !gone.matched) tellAlone(gone, knownAtMs, emit);
    for (const _ of right.release(left.watermark.valueMs)); // they only leave
  };

  const take = (side: Side, event: SourceEvent, emit: Emit): void => {
    const held = side.hold(event);
    if (held === undefined) return;
    if (side === left) for (const other of right.with(held.key)) if (matches(held, other)) tellPair(held, other, emit);
    if (side === right) for (const other of left.with(held.key)) if (matches(other, held)) tellPair(other, held, emit);
  };

  return {
    apply: (event, emit) => {
      const sides = [left, right].filter((side) => side.stream === event.stream);
      const { watermark } = sides[0]!;
      if (event.timeMs < watermark.valueMs) {
        for (const side of sides) side.counts.late++;
        emit({ id: `of:${sourceName(event)}`, payload: event.payload, problems: [lateProblem(event.timeMs, watermark.valueMs)] });
        return;
      }
      for (const side of sides) take(side, event, emit);
      for (const side of sides) side.watermark.observe(event.timeMs);
      release(event.knownAtMs, emit);
    },
    advance: (stream, toMs, knownAtMs, emit) => {
      for (const side of [left, right]) if (side.stream === stream) side.watermark.raise(toMs);
      release(knownAtMs, emit);
    },
    // only what will be told is worth waking up for
    waitsFor: (stream) => (isOuter && stream === right.stream ? left.earliestUnmatchedMs() : Infinity),
    save: () => encodeState({ left: left.save(), right: right.save() } satisfies Saved),
    get counts() {
      return { late: left.counts.late + (left.stream === right.stream ? 0 : right.counts.late), keyless: left.counts.keyless + right.counts.keyless, held: left.size() + right.size() };
    },
  };
}

type Side = ReturnType<typeof createSide>;

function createSide(join: JoinDerivation, name: SideName, saved: SavedSide | undefined) {
  const { stream, by } = join[name];
  const key = compileExpression(by);
  const fields = [...new Set(Object.values(join.map).flatMap((node) => [...fieldsOf(node)]))].filter((field) => field.startsWith(`${name}.`)).map((field) => ({ field, source: field.slice(name.length + 1) }));
  const reachMs = name === "left" ? join.afterMs : join.beforeMs;
  const watermark = createWatermark(stream.watermark.delayMs, saved?.watermark);
  const counts = { late: saved?.late ?? 0, keyless: saved?.keyless ?? 0 };
  const byKey = new Map<string, Held[]>();
  const due = createTimerQueue<Held>();
  let size = 0;

  const add = (held: Held): void => {
    const list = byKey.get(held.key);
    if (list === undefined) byKey.set(held.key, [held]);
    else list.push(held);
    due.push(held);
    size++;
  };
  const remove = (held: Held): void => {
    const list = byKey.get(held.key)!; // what is due is held
    list.splice(list.indexOf(held), 1);
    if (list.length === 0) byKey.delete(held.key);
    size--;
  };
  const fieldsFrom = ({ row, timeMs }: SourceEvent): Readonly<Record<string, EventValue>> =>
    Object.fromEntries(fields.flatMap(({ field, source }) => {
      const value = source === "$time" ? timeMs : row[source];
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[field, value]] : [];
    }));
  for (const held of saved?.held ?? []) add(held);

  return {
    stream: stream.name, watermark, counts,
    size: () => size,
    nameOf: ({ offset }: Held) => sourceName({ stream: stream.name, offset }),
    with: (wanted: string): readonly Held[] => byKey.get(wanted) ?? [],
    /** undefined when the event has no key. */
    hold: (event: SourceEvent): Held | undefined => {
      const text = keyOf([key(event.row, event.timeMs)]);
      if (text === undefined) return void counts.keyless++;
      const { offset, timeMs, knownAtMs } = event;
      const held: Held = { key: text, offset, timeMs, knownAtMs, fields: fieldsFrom(event), dueMs: timeMs + reachMs, matched: false };
      add(held);
      return held;
    },
    *release(watermarkMs: number): Generator<Held> {
      for (let next = due.peek(); next !== undefined && next.dueMs < watermarkMs; next = due.peek()) {
        due.pop();
        remove(next);
        yield next;
      }
    },
    /** Of those that nothing has matched; looked up rarely, when the stream is silent. */
    earliestUnmatchedMs: () => [...byKey.values()].flat().reduce((least, { matched, dueMs }) => (matched ? least : Math.min(least, dueMs)), Infinity),
    save: (): SavedSide => ({ watermark: watermark.state, ...counts, held: [...byKey.values()].flat().toSorted((a, b) => a.offset - b.offset) }),
  };
}
