/** How a training is asked for and followed. */
import type { TrainingProgress } from "../protocols/admin/sources.ts";

export interface TrainOptions {
  readonly reason?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}
