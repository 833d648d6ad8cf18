/** Sampled reads computed again by the point-in-time join over the lake, as of the offsets they had seen, and compared value by value. */
import { hashFeatureView } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { fieldsOfView } from "../features/event-fields.ts";
import { createPointInTimeIndex, createRowReader } from "../features/point-in-time.ts";
import type { FeatureValue } from "../features/view-state.ts";
import { planWindows } from "../features/window-plan.ts";
import type { Lake } from "../lake/lake.ts";
import { streamOf } from "../lake/snapshot.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import { createTurns } from "../training-sets/turns.ts";
import type { FeatureReadSample } from "./read-sample.ts";

export interface ReadMismatch {
  /** "view key" */
  readonly row: string;
  readonly column: string;
  readonly served: unknown;
  readonly recomputed: unknown;
}

export interface ReadAudit {
  /** Reads compared. */
  readonly reads: number;
  /** Values compared, and those that differ. */
  readonly checked: number;
  readonly mismatches: number;
  /** Reads of another definition, or that had seen events which are not in the snapshot. */
  readonly skipped: number;
  readonly examples: readonly ReadMismatch[];
}

export interface ReadAuditOptions {
  readonly views: ReadonlyMap<string, FeatureView>;
  readonly samples: readonly FeatureReadSample[];
  readonly lake: Pick<Lake, "readEvents">;
  readonly snapshot: LakeSnapshot;
  readonly signal?: AbortSignal | undefined;
}

const MAX_EXAMPLES = 20;
const WORK_PER_TURN = 1_000;

export async function auditReads({ views, samples, lake, snapshot, signal }: ReadAuditOptions): Promise<ReadAudit> {
  const turns = createTurns(WORK_PER_TURN, signal);
  let total: ReadAudit = { reads: 0, checked: 0, mismatches: 0, skipped: 0, examples: [] };
  for (const [name, all] of Map.groupBy(samples, ({ view }) => view)) {
    const view = views.get(name);
    const hash = view && hashFeatureView(view);
    const fitting = view === undefined ? [] : all.filter((sample) => sample.hash === hash && sample.offset <= streamOf(snapshot, view.from.name).endOffset);
    total = { ...total, skipped: total.skipped + all.length - fitting.length };
    if (view === undefined || fitting.length === 0) continue;
    const events = await lake.readEvents(view.from.name, { snapshot, fields: fieldsOfView(view), ...(signal ? { signal } : {}) });
    await turns.spend(events.rows);
    const found = compare(view, fitting, createPointInTimeIndex(view, events, { known: "offset" }));
    total = { ...total, reads: total.reads + fitting.length, checked: total.checked + found.checked, mismatches: total.mismatches + found.mismatches.length, examples: [...total.examples, ...found.mismatches].slice(0, MAX_EXAMPLES) };
  }
  return total;
}

function compare(view: FeatureView, samples: readonly FeatureReadSample[], index: ReturnType<typeof createPointInTimeIndex>): { readonly checked: number; readonly mismatches: readonly ReadMismatch[] } {
  const entities = index.resolve(view.entities.map((_, part) => samples.map(({ entity }) => entity[part])));
  const result = index.query({ entities, timesMs: Float64Array.from(samples, ({ atMs }) => atMs), knownLimits: Float64Array.from(samples, ({ offset }) => offset - 1) }); // the next offset was not seen yet
  const rowAt = createRowReader(result);
  const { features } = planWindows(view);
  const columns = features.flatMap((feature) => feature.columns);
  const mismatches = samples.flatMap((sample, row) => {
    const served = features.flatMap((feature, place) => piecesOf(sample.values[place] ?? null, feature.columns.length));
    const recomputed = rowAt(row);
    return columns.flatMap((column, place): readonly ReadMismatch[] =>
      (Object.is(served[place], recomputed[place]) ? [] : [{ row: `${view.name} ${sample.entity.join("×")}`, column, served: served[place] ?? null, recomputed: recomputed[place] ?? null }]));
  });
  return { checked: samples.length * columns.length, mismatches };
}

/** A list as its members; a missing list has none of them. */
function piecesOf(value: FeatureValue, pieces: number): readonly unknown[] {
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  return Array.from({ length: pieces }, (_, place) => members[place] ?? null);
}
