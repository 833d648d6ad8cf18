/**
 * One opening of a derivation: from the last checkpoint, through what the journal decided since, to the live end. Every
 * step has the same order: the decision is durable, the events are applied, what they made is stored; the checkpoint
 * comes after. A failure at any point ends the session, and the next one goes on from the checkpoint: the output gate
 * takes what was stored since for what is made again, so nothing is lost and nothing is there twice.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import type { Stream } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { deadLetterLog } from "../ingestion/dead-letter.ts";
import type { DerivedOutputs } from "../ingestion/stream-intake.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createOperator, loadCheckpoint, saveCheckpoint, type LoadedCheckpoint } from "./derivation-checkpoint.ts";
import { openInputs, type DerivationInputs } from "./derivation-inputs.ts";
import { appendEntry, readEntries } from "./journal.ts";
import type { Operator, Output, SourceEvent } from "./operator.ts";
import { createOutputGate, type OutputGate } from "./output-gate.ts";
import { createOutputMaker } from "./output-maker.ts";

export interface DerivationOptions {
  readonly stream: Stream;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes outputs durable: the letters, then the events. */
  readonly store: (stream: string, outputs: DerivedOutputs) => Promise<void>;
  /** Events taken between checkpoints. Default 50,000: a restart makes at most a second of outputs again. */
  readonly checkpointEvents?: number;
}

export interface DerivationSession extends AsyncDisposable {
  readonly operator: Operator;
  readonly inputs: DerivationInputs;
  /** Everything below was applied, and what it made is stored. */
  readonly positions: Readonly<Record<string, number>>;
  /** Takes the steps that the journal has recorded. */
  recover(): Promise<void>;
  /** Takes what is at hand; returns the number of events. */
  step(): Promise<number>;
  /** Moves the watermarks of silent sources as far as the clock allows. `silentSinceMs` per source. */
  idle(silentSinceMs: (stream: string) => number): Promise<void>;
  /** When `idle` has something to do next; Infinity when never. */
  idleDueMs(silentSinceMs: (stream: string) => number): number;
  checkpoint(): Promise<void>;
}

/** Outputs of so many events are stored together: one sync for all of them. */
const STEP_EVENTS = 2_000;

export async function openSession(options: DerivationOptions, signal: AbortSignal): Promise<DerivationSession> {
  const { stream, log, states, clock } = options;
  const { name, derivation } = stream;
  const sources = derivation!.sources; // the caller has a derived stream
  const saved = await loadCheckpoint(states, stream);
  const start = startOf(stream, saved);
  const operator = createOperator(stream, saved?.operatorBytes);
  const inputs = openInputs({ ...options, derived: name, sources: sources.map((source) => source.name), positions: start.positions, signal });
  const gate = createOutputGate({ log, stream: name, fromOffset: saved?.outputs ?? 0, isRedefined: start.isRedefined });
  const store = createStore(options, gate, log.statistics(deadLetterLog(name)).nextOffset - (saved?.letters ?? 0));
  const isJournaled = sources.length > 1;
  let { journalOffset } = start;
  let positions = inputs.positions();
  let sinceCheckpoint = 0;

  const isMuted = (event: SourceEvent): boolean => event.offset < (start.mutedBelow[event.stream] ?? 0);
  const apply = async (events: readonly SourceEvent[]): Promise<void> => {
    const outputs: Output[] = [];
    const emit = (output: Output): void => void outputs.push(output);
    for (const event of events) operator.apply(event, isMuted(event) ? ignore : emit);
    await store(outputs);
    positions = inputs.positions();
    sinceCheckpoint += events.length;
  };
  const advance = async (source: string, watermarkMs: number, atMs: number): Promise<void> => {
    const outputs: Output[] = [];
    operator.advance(source, watermarkMs, atMs, journalOffset < start.mutedEntries ? ignore : (output) => void outputs.push(output));
    await store(outputs);
  };
  const checkpoint = async (): Promise<void> => {
    if (sinceCheckpoint === 0) return;
    await saveCheckpoint(states, stream, { positions, journalOffset, outputs: log.statistics(name).nextOffset, letters: log.statistics(deadLetterLog(name)).nextOffset }, operator);
    sinceCheckpoint = 0;
  };
  const checkpointWhenDue = async (): Promise<void> => {
    if (sinceCheckpoint >= (options.checkpointEvents ?? 50_000)) await checkpoint();
  };

  const idleUntil = (source: Stream, silentSinceMs: (stream: string) => number): number =>
    Math.max(silentSinceMs(source.name) + source.watermark.idleAfterMs, operator.waitsFor(source.name) + source.watermark.delayMs + 1);

  return {
    operator, inputs, checkpoint,
    get positions() { return positions; },
    recover: async () => {
      for await (const { offset, entry } of readEntries(log, name, journalOffset)) {
        for (const run of entry.runs) {
          for await (const events of inputs.follow(run)) {
            await apply(events);
            await nextTurn(); // a long replay lets others pass
          }
        }
        if (entry.idle !== undefined) await advance(entry.idle.stream, entry.idle.watermarkMs, entry.atMs);
        journalOffset = offset + 1;
        sinceCheckpoint++;
        await checkpointWhenDue();
        if (signal.aborted) return;
      }
    },
    step: async () => {
      const { events, runs } = await inputs.gather(STEP_EVENTS);
      if (events.length === 0) return 0;
      if (isJournaled) {
        await appendEntry(log, name, { runs, atMs: clock.now() });
        journalOffset++;
      }
      await apply(events);
      await checkpointWhenDue();
      return events.length;
    },
    idleDueMs: (silentSinceMs) => Math.min(Infinity, ...sources.map((source) => idleUntil(source, silentSinceMs))),
    idle: async (silentSinceMs) => {
      for (const source of sources) {
        const nowMs = clock.now();
        if (idleUntil(source, silentSinceMs) > nowMs) continue;
        const watermarkMs = nowMs - source.watermark.delayMs;
        await appendEntry(log, name, { runs: Object.entries(positions), idle: { stream: source.name, watermarkMs }, atMs: nowMs });
        await advance(source.name, watermarkMs, nowMs);
        journalOffset++;
        sinceCheckpoint++;
      }
    },
    [Symbol.asyncDispose]: () => inputs[Symbol.asyncDispose](),
  };
}

const ignore = (): void => undefined;

interface Start {
  readonly positions: Readonly<Record<string, number>>;
  readonly journalOffset: number;
  readonly isRedefined: boolean;
  /** Events below these offsets only build the state: what an earlier definition made of them stays. */
  readonly mutedBelow: Readonly<Record<string, number>>;
  readonly mutedEntries: number;
}

/** A changed definition goes on where the old one stood. Where it keeps state, that is built from the past first. */
function startOf({ derivation }: Stream, saved: LoadedCheckpoint | undefined): Start {
  const nothing = { isRedefined: false, mutedBelow: {}, mutedEntries: 0 };
  if (saved === undefined) return { ...nothing, positions: {}, journalOffset: 0 };
  const { positions, journalOffset } = saved;
  if (saved.operatorBytes !== undefined) return { ...nothing, positions, journalOffset };
  const hasSameSources = derivation!.sources.every(({ name }) => name in positions);
  const isStateless = derivation!.operator === "map" && derivation!.sources.length === 1 && (derivation as { readonly enrich?: readonly unknown[] }).enrich?.length === 0;
  if (isStateless || !hasSameSources) return { ...nothing, isRedefined: true, positions, journalOffset };
  return { isRedefined: true, positions: {}, journalOffset: 0, mutedBelow: positions, mutedEntries: journalOffset };
}

/** Stores outputs that are not stored yet: events by the gate, letters by their number. */
function createStore({ stream, store }: DerivationOptions, gate: OutputGate, lettersStored: number): (outputs: readonly Output[]) => Promise<void> {
  const make = createOutputMaker(stream);
  let skipLetters = Math.max(0, lettersStored);
  return async (outputs) => {
    if (outputs.length === 0) return;
    const { records, rows, refused } = make(outputs);
    const fresh = await gate.admit(records);
    const letters = refused.slice(skipLetters);
    skipLetters -= refused.length - letters.length;
    if (fresh.length === 0 && letters.length === 0) return;
    await store(stream.name, { records: fresh.map((at) => records[at]!), rows: fresh.map((at) => rows[at]!), refused: letters });
  };
}

