/** What ingestion would do with events, without doing it: for producers that try out what they are going to send. Pure. */
import type { Problem } from "../../kernel/errors.ts";
import type { Draft } from "./draft.ts";
import type { RowRules } from "./row-check.ts";

export interface DryRunResult {
  readonly dryRun: true;
  /** Events that would be stored; copies of stored ones are not looked for. */
  readonly accepted: number;
  readonly rejected: number;
  /** Refused events, at most 1,000. */
  readonly rows: readonly { readonly index: number; readonly status: "refused"; readonly problems: readonly Problem[] }[];
  /** Events that would be stored although rules that warn or stop have something against them, at most 1,000. */
  readonly warnings: readonly { readonly index: number; readonly problems: readonly Problem[] }[];
}

const LISTED = 1_000;

export function describeDryRun(draft: Draft, warn: RowRules | undefined): DryRunResult {
  const refusedAt = new Set(draft.refused.map(({ index }) => index));
  const warnings: { index: number; problems: readonly Problem[] }[] = [];
  let index = 0;
  for (const [at, row] of draft.rows.entries()) {
    while (refusedAt.has(index)) index++;
    const problems = warnings.length < LISTED ? warn?.(row, draft.records[at]!.timeMs) : undefined;
    if (problems !== undefined) warnings.push({ index, problems });
    index++;
  }
  return {
    dryRun: true, accepted: draft.records.length, rejected: draft.refused.length, warnings,
    rows: draft.refused.slice(0, LISTED).map(({ index: place, problems }) => ({ index: place, status: "refused", problems })),
  };
}
