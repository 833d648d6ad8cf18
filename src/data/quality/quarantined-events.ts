/** Dead letters that rules made, as events that the rules counted: what was kept out of a stream still counts in its quality. */
import type { Stream } from "../../define/index.ts";
import type { StoredLetter } from "../ingestion/dead-letter.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { compileTimeReader } from "../streams/time-reader.ts";
import type { Row } from "./event-test.ts";
import { ruleOfCode } from "./row-gate.ts";
import type { Judged } from "./rule-monitor.ts";

export interface QuarantinedEvent extends Judged {
  readonly deadLetterId: string;
  /** The rules of the expectations that refused it. */
  readonly rules: readonly string[];
}

/** The letters of a batch of a stream's dead-letter log that rules of these expectations refused. */
export function createQuarantineReader(stream: Stream, expectations: string): (batch: DecodedBatch) => readonly QuarantinedEvent[] {
  const readTime = compileTimeReader(stream);
  return (batch) => batch.rows.flatMap((stored, at): QuarantinedEvent[] => {
    const letter = stored as unknown as StoredLetter; // only ingestion writes to this log
    const rules = letter.problems.flatMap(({ code }) => ruleOfCode(code, expectations) ?? []);
    if (rules.length === 0) return [];
    const offset = batch.baseOffset + at;
    const row = parse(letter.event);
    const inRow = readTime(row);
    const timeMs = typeof inRow === "number" ? inRow : letter.timeMs ?? letter.receivedAtMs;
    return [{ rules, row, offset, timeMs, knownAtMs: letter.backfill ? timeMs : letter.receivedAtMs, deadLetterId: String(offset) }];
  });
}

/** Empty when the event was cut. */
function parse(event: string): Row {
  try {
    return JSON.parse(event) as Row; // a rule looked at it, so it was an object
  } catch {
    return {};
  }
}
