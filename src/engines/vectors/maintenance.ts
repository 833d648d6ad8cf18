/** What the building thread does: leads links around removed rows, then links new ones; stands still when asked to. */
import type { Arena } from "./arena.ts";
import { BLOCK_ROWS, HEADER } from "./arena-layout.ts";
import { calibrate } from "./calibration.ts";
import { openGraph } from "./graph.ts";

export interface MaintenanceWork {
  /** Rows to link, in this order. HEADER.progress counts how many are. */
  readonly insert: Int32Array;
  /** Rows to take out, all of them in the graph. */
  readonly removed: Int32Array;
  /** Rows that stay in the graph. */
  readonly linked: Int32Array;
  readonly centre: Float32Array | undefined;
}

/** So many of the new rows are first asked for as queries, when there are many more. */
const CALIBRATION_ROWS = 100;
const CALIBRATED_FROM = 400;

export function runMaintenance(arena: Arena, efConstruction: number, { insert, removed, linked, centre }: MaintenanceWork): void {
  const graph = openGraph(arena, efConstruction);
  const header = new Int32Array(arena.memory.buffer, 0, 16);
  if (removed.length > 0) {
    const gone = new Set(removed);
    for (const row of linked) {
      graph.repair(row, (other) => gone.has(other));
      standStill(header);
    }
    graph.forget(removed, linked);
  }
  const withheld = insert.length < CALIBRATED_FROM ? 0 : CALIBRATION_ROWS;
  const add = (row: number): void => {
    graph.insert(row);
    Atomics.add(header, HEADER.progress, 1);
    standStill(header);
  };
  insert.subarray(0, insert.length - withheld).forEach(add);
  const last = insert.subarray(insert.length - withheld);
  if (withheld > 0) {
    const isIn = new Uint8Array(arena.blocks * BLOCK_ROWS);
    for (const row of [linked, insert.subarray(0, insert.length - withheld)].flatMap((rows) => [...rows])) isIn[row] = 1;
    Atomics.store(header, HEADER.reach, calibrate({ arena, graph, queries: [...last], isLinked: (row) => isIn[row] === 1, centre }));
  }
  last.forEach(add);
}

function standStill(header: Int32Array): void {
  while (Atomics.load(header, HEADER.pause) === 1) {
    Atomics.store(header, HEADER.paused, 1);
    Atomics.notify(header, HEADER.paused);
    Atomics.wait(header, HEADER.pause, 1);
  }
  Atomics.store(header, HEADER.paused, 0);
}
