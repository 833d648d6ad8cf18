/**
 * Events as interactions: from batches of rows as they arrive, and from the lake's columns. Both run the same compiled
 * expressions over values of the same kinds, so an event means the same to the online index and to its replay.
 */
import { compileExpression } from "../../define/index.ts";
import type { Candidates, Evaluator, Stream } from "../../define/index.ts";
import { keyPart } from "../features/entity-key.ts";
import { createEventCursor } from "../features/event-cursor.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { createStoredRowReader } from "../lake/stored-row.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { fieldsOfInteractions, planInteractions } from "./interaction-plan.ts";
import type { PlannedInteraction, UserInteraction } from "./interaction-plan.ts";

type Visit = (interaction: UserInteraction) => void;

export interface StreamReader {
  readonly stream: Stream;
  /** The fields that the interactions read. */
  readonly fields: ReadonlySet<string>;
  /** Visits the interactions of the batch's rows [from, to), in order. */
  readBatch(batch: DecodedBatch, from: number, to: number, visit: Visit): void;
  /** Prepares columns for visiting single events, by index, in any order. */
  overColumns(events: EventColumns): (index: number, visit: Visit) => void;
}

/** A reader for each stream that the source follows, by stream name. */
export function createInteractionReaders(candidates: Candidates): ReadonlyMap<string, StreamReader> {
  const streams = new Map(candidates.interactions.map(({ from }) => [from.name, from]));
  return new Map([...planInteractions(candidates)].map(([name, planned]) => [name, createStreamReader(streams.get(name)!, planned)]));
}

function createStreamReader(stream: Stream, planned: readonly PlannedInteraction[]): StreamReader {
  const fields = fieldsOfInteractions(planned);
  const compiled = planned.map(compile);
  const toStored = createStoredRowReader(stream.schema, fields);
  const visitRow = (event: Event, visit: Visit): void => {
    for (const interaction of compiled) {
      const found = evaluate(interaction, event);
      if (found) visit(found);
    }
  };
  return {
    stream, fields,
    readBatch: ({ rows, timesMs, knownAtMs }, from, to, visit) => {
      for (let index = from; index < to; index++) visitRow({ row: toStored(rows[index]!), timeMs: timesMs[index]!, knownAtMs: knownAtMs[index]! }, visit);
    },
    overColumns: (events) => {
      const cursor = createEventCursor(events, fields);
      return (index, visit) => {
        cursor.moveTo(index);
        visitRow({ row: cursor.row, timeMs: events.timesMs[index]!, knownAtMs: events.knownAtMs[index]! }, visit);
      };
    },
  };
}

interface CompiledInteraction {
  readonly kind: UserInteraction["kind"];
  readonly user: Evaluator;
  readonly item: Evaluator;
  readonly basket: Evaluator | undefined;
}

interface Event {
  readonly row: Readonly<Record<string, unknown>>;
  readonly timeMs: number;
  readonly knownAtMs: number;
}

function compile({ kind, user, item, basket }: PlannedInteraction): CompiledInteraction {
  return { kind, user: compileExpression(user), item: compileExpression(item), basket: basket && compileExpression(basket) };
}

/** undefined when the event names no item. */
function evaluate({ kind, user, item, basket }: CompiledInteraction, { row, timeMs, knownAtMs }: Event): UserInteraction | undefined {
  const itemKey = keyPart(item(row, timeMs));
  return itemKey === undefined ? undefined
    : { kind, item: itemKey, user: keyPart(user(row, timeMs)), basket: basket && keyPart(basket(row, timeMs)), timeMs, knownAtMs };
}
