/**
 * Makes a derived stream again, from the oldest events of its sources, and compares each event with the stored one,
 * byte by byte. Nothing is written. It stands apart from the running derivation, goes on from its own checkpoint after a
 * crash, and stops at the first difference: from there on the two are no longer the same sequence.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError } from "../../kernel/errors.ts";
import { derivationOf } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import type { EventLog, LogRecord } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createOperator, loadCheckpoint, saveCheckpoint } from "./derivation-checkpoint.ts";
import { openInputs } from "./derivation-inputs.ts";
import { readEntries } from "./journal.ts";
import type { Output, SourceEvent } from "./operator.ts";
import { sameRecord, storedFrom } from "./output-gate.ts";
import { createOutputMaker } from "./output-maker.ts";

export interface ReplayReport {
  readonly derived: string;
  /** Source events read. */
  readonly sourceEvents: number;
  /** Events made that are stored with the same bytes. */
  readonly same: number;
  /** Stored events before the part that was compared: retention removed their sources, or `from` left them out. */
  readonly skipped: number;
  /** The first event that is not the same. */
  readonly difference?: { readonly offset: number; readonly stored: string | null; readonly made: string | null };
}

export interface ReplayParts {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly logger: Logger;
}

export interface ReplayOptions {
  readonly stream: Stream;
  /** Only events made of times in [fromMs, toMs) are compared; the state is built from the beginning all the same. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  /** Names its checkpoint. */
  readonly id: string;
}

const STEP_EVENTS = 2_000;
const CHECKPOINT_EVENTS = 200_000;

export async function checkReplay({ log, decoder, states, logger }: ReplayParts, options: ReplayOptions): Promise<ReplayReport> {
  const { stream, signal, onProgress } = options;
  const { sources } = derivationOf(stream)!; // the caller has a derived stream
  const ending = new AbortController();
  const checkpointName = `replay/${options.id}`;
  const saved = await loadCheckpoint(states, stream, checkpointName);
  const start = saved?.operatorBytes === undefined ? undefined : saved;
  const operator = createOperator(stream, start?.operatorBytes);
  const reading = AbortSignal.any([signal, ending.signal]);
  const inputs = openInputs({ log, decoder, logger, derived: stream.name, sources: sources.map(({ name }) => name), positions: start?.positions ?? {}, signal: reading });
  const first = inputs.positions();
  const compare = createComparison({ log, stream, from: start?.outputs ?? 0, options });
  const until = Object.fromEntries(sources.map(({ name }) => [name, log.statistics(name).nextOffset]));
  const total = sources.reduce((sum, { name }) => sum + until[name]! - log.statistics(name).oldestOffset, 0);
  const doneBefore = start === undefined ? 0 : sources.reduce((sum, { name }) => sum + (first[name] ?? 0) - log.statistics(name).oldestOffset, 0);
  const make = createOutputMaker(stream);
  let done = doneBefore, sinceSaved = 0, journalOffset = start?.journalOffset ?? 0;

  const take = async (outputs: readonly Output[]): Promise<boolean> => {
    for (const record of make(outputs).records) if (!await compare.next(record)) return false;
    return true;
  };
  const apply = async (events: readonly SourceEvent[]): Promise<boolean> => {
    if (signal.aborted) throw new StrataError("ABORTED", { what: `Replaying into "${stream.name}"` });
    const outputs: Output[] = [];
    for (const event of events) if (event.offset < until[event.stream]!) operator.apply(event, (output) => void outputs.push(output));
    done += events.length;
    sinceSaved += events.length;
    onProgress(Math.min(done, total), total);
    const isSame = await take(outputs);
    await nextTurn(); // the live stream comes first
    return isSame;
  };
  const save = async (): Promise<void> => {
    if (sinceSaved < CHECKPOINT_EVENTS) return;
    sinceSaved = 0;
    await saveCheckpoint(states, stream, { positions: inputs.positions(), journalOffset, outputs: compare.offset(), letters: 0 }, operator, checkpointName);
  };

  /** False at the first difference. */
  const followJournal = async (): Promise<boolean> => {
    for await (const { offset, entry } of readEntries(log, stream.name, journalOffset)) {
      for (const run of entry.runs) for await (const events of inputs.follow(run)) if (!await apply(events)) return false;
      const outputs: Output[] = [];
      if (entry.idle !== undefined) operator.advance(entry.idle.stream, entry.idle.watermarkMs, entry.atMs, (output) => void outputs.push(output));
      if (!await take(outputs)) return false;
      journalOffset = offset + 1;
      await save();
    }
    return true;
  };

  try {
    let isSame = await followJournal();
    while (isSame && sources.length === 1 && inputs.positions()[sources[0]!.name]! < until[sources[0]!.name]!) {
      const { events } = await inputs.gather(STEP_EVENTS);
      isSame = await apply(events);
      await save();
    }
    if (isSame) await compare.finish();
    return { derived: stream.name, sourceEvents: done, ...compare.report() };
  } finally {
    ending.abort();
    await inputs[Symbol.asyncDispose]();
    if (!signal.aborted) await states.delete(`derivation/${checkpointName}`);
  }
}

interface ComparisonParts {
  readonly log: EventLog;
  readonly stream: Stream;
  readonly from: number;
  readonly options: ReplayOptions;
}

function createComparison({ log, stream, from, options: { fromMs = -Infinity, toMs = Infinity } }: ComparisonParts) {
  const { oldestOffset, nextOffset } = log.statistics(stream.name);
  const stored = storedFrom(log, stream.name, Math.max(from, oldestOffset));
  let at = from, same = 0, skipped = 0;
  let difference: ReplayReport["difference"];

  const nextStored = async (): Promise<LogRecord | undefined> => {
    const step = at < nextOffset ? await stored.next() : undefined;
    return step === undefined || step.done === true ? undefined : step.value;
  };
  return {
    offset: () => at,
    /** Whether the event that was made is the stored one; events made after the end of what was stored are not judged. */
    next: async (made: Pick<LogRecord, "id" | "timeMs" | "knownAtMs" | "payload">): Promise<boolean> => {
      if (at < oldestOffset) {
        at++;
        skipped++;
        return true;
      }
      const found = await nextStored();
      if (found === undefined) return true;
      at++;
      if (made.timeMs < fromMs || made.timeMs >= toMs) skipped++;
      else if (sameRecord(found, made)) same++;
      else difference = { offset: found.offset, stored: textOf(found), made: textOf(made) };
      return difference === undefined;
    },
    /** Events that are stored and were not made again. */
    finish: async (): Promise<void> => {
      for (let found = at < oldestOffset ? undefined : await nextStored(); found !== undefined && difference === undefined; found = await nextStored()) {
        at++;
        if (found.timeMs >= fromMs && found.timeMs < toMs) difference = { offset: found.offset, stored: textOf(found), made: null };
        else skipped++;
      }
    },
    report: () => ({ same, skipped, ...(difference === undefined ? {} : { difference }) }),
  };
}

function textOf({ id, payload }: { readonly id: string; readonly payload: Uint8Array }): string {
  return `${id} ${Buffer.from(payload).toString().slice(0, 500)}`;
}
