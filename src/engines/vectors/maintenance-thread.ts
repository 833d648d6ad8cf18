/** The building thread: opens the shared arena, does its work, says how it ended. */
import { parentPort, workerData } from "node:worker_threads";
import type { VectorRowsOptions } from "../../ports/vector-index.ts";
import { openArena } from "./arena.ts";
import type { ArenaShare } from "./arena.ts";
import { runMaintenance } from "./maintenance.ts";
import type { MaintenanceWork } from "./maintenance.ts";

export interface MaintenanceTask {
  readonly options: VectorRowsOptions;
  readonly share: ArenaShare;
  readonly work: MaintenanceWork;
}

const { options, share, work } = workerData as MaintenanceTask; // sent by startMaintenance
runMaintenance(openArena(options, 1, share), options.hnsw.efConstruction, work);
parentPort?.postMessage("done", []);
