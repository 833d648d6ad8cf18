/** Models that come as files: a folder, or uploads. */
import type { LoadOptions } from "../model-server.ts";
import type { ModelPlan } from "./model-plan.ts";

export interface ModelRepository {
  /** Folders that hold a model. */
  names(): readonly string[];
  /** What a folder asks for now; undefined when there is none. */
  plan(model: string): ModelPlan | undefined;
  /** The plan with a load's configuration and files taken in. MODEL_LOAD_FAILED says what does not fit. */
  planForLoad(model: string, base: ModelPlan | undefined, options: LoadOptions): ModelPlan | undefined;
}
