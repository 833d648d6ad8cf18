/** The CPU-bound part of a training, run in a worker thread: data in, trees out, progress on the way. */
import { serveWorkerJob } from "../../compute/index.ts";
import { trainGradientBoosting } from "../training/gradient-boosting.ts";
import type { TrainedEnsemble, TrainingProgress } from "../training/gradient-boosting.ts";
import type { GradientBoostingParameters } from "../training/parameters.ts";
import type { TrainingData } from "../training/training-data.ts";

export interface TrainingJob {
  readonly data: TrainingData;
  readonly parameters: GradientBoostingParameters;
  readonly threads: number;
}

serveWorkerJob<TrainingJob, TrainedEnsemble, TrainingProgress>(({ data, parameters, threads }, report) =>
  trainGradientBoosting(data, parameters, { threads, onProgress: report }));
