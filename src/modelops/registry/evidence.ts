/**
 * Evidence: one record per change of an alias, chained per model. Each record's hash is the SHA-256 of its canonical
 * JSON, which holds the hash of the record before it, so no record can be changed, dropped or put between others
 * without breaking every hash after it. Cutting off the newest records breaks nothing inside the chain: that shows
 * against the alias table, or against a head that was noted elsewhere; a signer stops a chain from being rewritten whole.
 */
import { canonicalJson, sha256 } from "../../kernel/hash.ts";
import type { Environment } from "../experiments/run.ts";
import type { GateVerdict } from "../validation/gates.ts";
import type { Alias, AliasChange, Aliases, Force } from "./alias-move.ts";

/** What the first record of a model points back to. */
export const GENESIS_HASH = "0".repeat(64);

export interface EvidenceRecord {
  readonly id: string;
  readonly model: string;
  /** 1, 2, 3, … per model. */
  readonly sequence: number;
  readonly previousHash: string;
  readonly action: "move" | "rollback" | "remove";
  readonly alias: Alias;
  /** The version that the alias now points to, or was removed from; the fields from `run` on are this version's. */
  readonly version: number;
  /** SHA-256 of the canonical JSON of the whole registered version, so that it cannot change after it was judged. */
  readonly versionHash: string;
  /** Every alias that changed, in one step. */
  readonly changes: readonly AliasChange[];
  readonly reason: string;
  readonly actor: string;
  readonly timeMs: number;
  /** Set when the alias moved without any gate. */
  readonly force: Force | null;
  readonly gates: readonly GateVerdict[];
  /** What the rollout decided and the numbers behind it; null when there was no rollout. */
  readonly decision: unknown;
  readonly run: string;
  readonly snapshot: string;
  readonly codeHash: string;
  readonly definitionHash: string;
  readonly environment: Environment;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number | null>>;
}

export interface EvidenceSignature {
  /** Which key signed, for whoever verifies. */
  readonly keyId: string;
  /** Signature of the record's hash (its 64 hex characters as ASCII), in base64. */
  readonly value: string;
}

export interface Evidence extends EvidenceRecord {
  readonly hash: string;
  readonly signature: EvidenceSignature | undefined;
}

/** A record as it is stored: the exact text that was hashed. */
export interface SealedRecord {
  readonly hash: string;
  readonly text: string;
  readonly signature: EvidenceSignature | undefined;
}

export type Sign = (hash: string) => EvidenceSignature;
export type VerifySignature = (hash: string, signature: EvidenceSignature) => boolean;

export function sealRecord(record: EvidenceRecord, sign?: Sign): SealedRecord {
  const text = canonicalJson(record);
  const hash = sha256(text);
  return { hash, text, signature: sign?.(hash) };
}

export function openRecord({ text, hash, signature }: SealedRecord): Evidence {
  return { ...(JSON.parse(text) as EvidenceRecord), hash, signature }; // written by sealRecord
}

export type ChainReport =
  /** `aliases`: where they stand after all records. `head`: hash of the newest; note it elsewhere to notice records cut off. */
  | { readonly ok: true; readonly records: readonly Evidence[]; readonly head: string; readonly aliases: Aliases }
  /** `brokenAt`: sequence of the first record that does not hold. */
  | { readonly ok: false; readonly brokenAt: number; readonly reason: string };

/** Walks a model's chain from its first record and stops at the first that does not hold. Pure. */
export function verifyChain(model: string, sealed: readonly SealedRecord[], verifySignature?: VerifySignature): ChainReport {
  const records: Evidence[] = [];
  let head = GENESIS_HASH;
  let aliases: Aliases = {};
  for (const [index, item] of sealed.entries()) {
    const problem = sealProblem(item, verifySignature) ?? linkProblem(openRecord(item), { model, sequence: index + 1, head, aliases });
    if (problem !== undefined) return { ok: false, brokenAt: index + 1, reason: `Record ${index + 1} of "${model}" does not hold: ${problem}.` };
    const record = openRecord(item);
    records.push(record);
    head = item.hash;
    aliases = applyChanges(aliases, record.changes);
  }
  return { ok: true, records, head, aliases };
}

export function applyChanges(aliases: Aliases, changes: readonly AliasChange[]): Aliases {
  const next: { [Name in Alias]?: number } = { ...aliases };
  for (const { alias, to } of changes) {
    if (to === null) delete next[alias];
    else next[alias] = to;
  }
  return next;
}

/** Whoever can make a text that matches its hash can also make it a record, so the parse comes after the hash. */
function sealProblem({ text, hash, signature }: SealedRecord, verify: VerifySignature | undefined): string | undefined {
  if (sha256(text) !== hash) return "its content does not match its hash";
  if (!isRecordText(text)) return "its content is not a record";
  if (verify === undefined) return undefined;
  if (signature === undefined) return "it is not signed";
  return verify(hash, signature) ? undefined : `its signature by ${signature.keyId} is not valid`;
}

function isRecordText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "changes" in value && Array.isArray(value.changes);
  } catch {
    return false;
  }
}

function linkProblem(record: EvidenceRecord, expected: { readonly model: string; readonly sequence: number; readonly head: string; readonly aliases: Aliases }): string | undefined {
  if (record.model !== expected.model) return `it belongs to model "${record.model}"`;
  if (record.sequence !== expected.sequence) return `it says it is record ${record.sequence}`;
  if (record.previousHash !== expected.head) return "it does not follow the record before it";
  const wrong = record.changes.find(({ alias, from }) => (expected.aliases[alias] ?? null) !== from);
  return wrong && `it moves ${wrong.alias} from ${wrong.from ?? "nothing"}, but it stood at ${expected.aliases[wrong.alias] ?? "nothing"}`;
}
