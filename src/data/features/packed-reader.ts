/**
 * Reads features from an entity's packed bytes: in any process, without the rest of the view's state, with the same
 * operator over the same columns. What it answers is what the state that packed the bytes would have answered.
 */
import type { FeatureView } from "../../define/index.ts";
import { createDictionary } from "./dictionary.ts";
import { createEvictedHistory } from "./evicted-history.ts";
import { createLastSeen } from "./last-seen.ts";
import { createEntityPacker } from "./packed-entity.ts";
import { refuseTooOld, toFeatureValues } from "./view-state.ts";
import type { FeatureValue } from "./view-state.ts";
import { createWindowColumns, growWindowColumns } from "./window-columns.ts";
import { createWindowOperator } from "./window-operator.ts";
import { planWindows } from "./window-plan.ts";
import { settleRows } from "./window-rows.ts";

export interface PackedReader {
  /**
   * The entity's features at a time, in the order of the view's features; undefined stands for an entity without events.
   * Raises FEATURE_TIME_TOO_OLD when events that `atMs` needs had left memory before packing; throws an Error that
   * says what is wrong when the bytes are damaged or of another definition of the view.
   */
  read(bytes: Uint8Array | undefined, atMs: number): readonly FeatureValue[];
}

const FIRST_ROWS = 256;
const ENTITY = 0;

/** A reader for one view; it keeps nothing between calls but its memory. */
export function createPackedReader(view: FeatureView): PackedReader {
  const plan = planWindows(view);
  const columns = createWindowColumns(plan, { capacity: FIRST_ROWS, known: false });
  const history = plan.hasLifetime ? createEvictedHistory(plan) : undefined;
  const packer = createEntityPacker(plan, columns, history);
  const operator = createWindowOperator(plan, columns, history);
  const seen = createLastSeen();
  const values = new Float64Array(plan.width);

  const place = (bytes: Uint8Array, atMs: number): number => {
    const { rows, horizonMs } = packer.head(bytes);
    refuseTooOld(view, plan, { atMs, horizonMs });
    if (rows > columns.capacity) growWindowColumns(columns, Math.max(rows, columns.capacity * 2));
    for (let column = 0; column < columns.dictionaries.length; column++) columns.dictionaries[column] = createDictionary();
    packer.unpack(bytes, { entity: ENTITY, start: 0 });
    settleRows(columns, { start: 0, from: 0, end: rows }, seen);
    return rows;
  };

  return {
    read: (bytes, atMs) => {
      const end = bytes === undefined ? 0 : place(bytes, atMs);
      operator.evaluate({ start: 0, end, entity: bytes === undefined ? -1 : ENTITY, timeMs: atMs, knownLimit: Number.POSITIVE_INFINITY }, values);
      return toFeatureValues(plan, values, columns);
    },
  };
}
