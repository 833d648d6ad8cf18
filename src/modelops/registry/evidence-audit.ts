/**
 * Does what is stored agree with the evidence? A chain that holds still proves nothing about aliases that were edited
 * beside it, versions that were changed after they were judged, or records that were cut off its end. Pure.
 */
import { canonicalJson, hashOf } from "../../kernel/hash.ts";
import type { Aliases } from "./alias-move.ts";
import type { Evidence } from "./evidence.ts";
import type { ModelVersion } from "./model-version.ts";

export interface EvidenceReport {
  readonly ok: boolean;
  /** How many records there are. */
  readonly records: number;
  /** Hash of the newest record; undefined when the chain is broken. */
  readonly head: string | undefined;
  /** Sequence of the first record that does not hold; one past the last when only the end is wrong. */
  readonly brokenAt: number | undefined;
  /** A sentence; undefined when everything holds. */
  readonly reason: string | undefined;
}

export interface Stored {
  readonly model: string;
  readonly aliases: Aliases;
  readonly versions: readonly ModelVersion[];
  /** Head noted earlier, if any. */
  readonly expectedHead: string | undefined;
}

/** `chain` holds in itself; see verifyChain. */
export function auditStored(chain: { readonly records: readonly Evidence[]; readonly head: string; readonly aliases: Aliases }, stored: Stored): EvidenceReport {
  const { records, head } = chain;
  const broken = (brokenAt: number, reason: string): EvidenceReport => ({ ok: false, records: records.length, head, brokenAt, reason });
  const changed = records.find((record) => !describesVersion(record, stored.versions));
  if (changed) return broken(changed.sequence, `Version ${changed.version} of "${stored.model}" is not as record ${changed.sequence} describes it.`);
  if (stored.expectedHead !== undefined && !records.some((record) => record.hash === stored.expectedHead)) {
    return broken(records.length + 1, `The evidence of "${stored.model}" does not hold the record ${stored.expectedHead} that was noted; its newest records are missing.`);
  }
  if (canonicalJson(chain.aliases) !== canonicalJson(stored.aliases)) {
    return broken(records.length + 1, `The aliases of "${stored.model}" stand at ${canonicalJson(stored.aliases)}; the evidence leads to ${canonicalJson(chain.aliases)}.`);
  }
  return { ok: true, records: records.length, head, brokenAt: undefined, reason: undefined };
}

function describesVersion(record: Evidence, versions: readonly ModelVersion[]): boolean {
  const version = versions.find((candidate) => candidate.version === record.version);
  return version !== undefined && hashOf(version) === record.versionHash;
}
