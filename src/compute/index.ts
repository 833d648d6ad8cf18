/** Layer 1, compute, as other layers see it. */
export { runWorkerJob, serveWorkerJob, workerModule } from "./worker-job.ts";
export type { WorkerJobOptions } from "./worker-job.ts";
export { placeJob } from "./placement.ts";
export type { Placement, PlacementJob, PlacementRates, PlacementWorker } from "./placement.ts";
