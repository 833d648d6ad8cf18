/**
 * A derivation's checkpoint: the operator's state with the offsets it stands for (of the sources, the journal, and what
 * was made of them), stored in one atomic step.
 */
import { derivationOf, hashDerivation } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import type { StateStore } from "../../ports/state-store.ts";
import { encodeTexts, decodeTexts, joinSections, splitSections } from "../features/binary-sections.ts";
import { deadLetterLog } from "../ingestion/dead-letter.ts";
import { journalLog } from "./journal.ts";
import { createJoinOperator } from "./join-operator.ts";
import { createMapOperator } from "./map-operator.ts";
import type { Operator } from "./operator.ts";
import { createSessionOperator } from "./session-operator.ts";

export interface DerivationCheckpoint {
  /** Next offset to take, per source. */
  readonly positions: Readonly<Record<string, number>>;
  /** Next journal entry to act on. */
  readonly journalOffset: number;
  /** Events and dead letters made so far, as ends of their logs. */
  readonly outputs: number;
  readonly letters: number;
}

export interface LoadedCheckpoint extends DerivationCheckpoint {
  /** undefined when it was made under another definition. */
  readonly operatorBytes: Uint8Array | undefined;
}

const MAGIC = "strata-derivation-1\n";
const nameOf = (stream: string): string => `derivation/${stream}`;

/** `as` is another name for it, for a replay beside the derivation. */
export async function saveCheckpoint(states: StateStore, stream: Stream, at: DerivationCheckpoint, operator: Operator, as = stream.name): Promise<void> {
  const bytes = joinSections(MAGIC, [encodeTexts([hashDerivation(stream)]), operator.save()]);
  const { name } = stream;
  await states.save(nameOf(as), { bytes, offsets: { ...at.positions, [journalLog(name)]: at.journalOffset, [name]: at.outputs, [deadLetterLog(name)]: at.letters } });
}

/** undefined before the first checkpoint; STATE_CORRUPT when no copy is whole. */
export async function loadCheckpoint(states: StateStore, stream: Stream, as = stream.name): Promise<LoadedCheckpoint | undefined> {
  const found = await states.load(nameOf(as));
  if (found === undefined) return undefined;
  const [hash, operatorBytes] = splitSections(MAGIC, found.bytes);
  const { [journalLog(stream.name)]: journalOffset = 0, [stream.name]: outputs = 0, [deadLetterLog(stream.name)]: letters = 0, ...positions } = found.offsets;
  const isSame = hash !== undefined && decodeTexts(hash)[0] === hashDerivation(stream);
  return { positions, journalOffset, outputs, letters, operatorBytes: isSame ? operatorBytes : undefined };
}

/** The derivation's operator, at its beginning or from saved bytes. */
export function createOperator(stream: Stream, bytes?: Uint8Array): Operator {
  const derivation = derivationOf(stream)!; // the caller has a derived stream
  switch (derivation.operator) {
    case "map": return createMapOperator(derivation, bytes);
    case "join": return createJoinOperator(derivation, bytes);
    case "session": return createSessionOperator(derivation, bytes);
  }
}
