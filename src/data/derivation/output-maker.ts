/** Turns what an operator made into records to store: checked by the derived stream's schema, dated, written as JSON. */
import { reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { NewRecord } from "../../ports/event-log.ts";
import type { RefusedEvent } from "../ingestion/draft.ts";
import type { DerivedOutputs } from "../ingestion/stream-intake.ts";
import { compileRowCheck, isRefusal } from "../ingestion/row-check.ts";
import type { Row } from "../streams/recent-rows.ts";
import { isRefused, type Made, type Output } from "./operator.ts";

export type OutputMaker = (outputs: readonly Output[]) => DerivedOutputs;

export function createOutputMaker(stream: Stream): OutputMaker {
  const check = compileRowCheck(stream);
  const finish = (made: Made): { readonly record: NewRecord; readonly row: Row } | { readonly payload: Uint8Array; readonly problems: readonly Problem[] } => {
    const { id, timeMs, knownAtMs } = made;
    if (made.payload !== undefined) return { record: { id, timeMs, knownAtMs, payload: made.payload }, row: made.row }; // an event of the source as it was sent
    const payload = textOf(made.row);
    if (typeof payload !== "string") return { payload: NO_BYTES, problems: [payload] };
    const bytes = Buffer.from(payload);
    const checked = check(JSON.parse(payload)); // what a replay will read
    return isRefusal(checked) ? { payload: bytes, problems: checked } : { record: { id, timeMs: checked.timeMs ?? timeMs, knownAtMs, payload: bytes }, row: checked.row };
  };
  return (outputs) => {
    const records: NewRecord[] = [], rows: Row[] = [], refused: RefusedEvent[] = [];
    for (const [index, output] of outputs.entries()) {
      const finished = isRefused(output) ? output : finish(output);
      if ("problems" in finished) refused.push({ index, id: output.id, payload: finished.payload, problems: finished.problems, timeMs: isRefused(output) ? undefined : output.timeMs });
      else {
        records.push(finished.record);
        rows.push(finished.row);
      }
    }
    return { records, rows, refused };
  };
}

const NO_BYTES = new Uint8Array(0);

function textOf(row: Row): string | Problem {
  try {
    return JSON.stringify(row);
  } catch (thrown) {
    return { path: "", message: `cannot be written as JSON: ${reasonOf(thrown)}`, code: "not JSON" };
  }
}
