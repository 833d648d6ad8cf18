/** The models of the repository folder as plans. One that cannot be planned says why, and does not keep the others away. */
import { reasonOf } from "../../kernel/errors.ts";
import type { ModelRepository } from "../../ports/model-repository.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { ModelPlan } from "./model-plan.ts";
import { planOfRepositoryModel } from "./repository-plan.ts";

export interface RepositoryModels {
  names(): readonly string[];
  /** As the folder has it now; undefined when it has no such model. MODEL_LOAD_FAILED when its settings do not fit. */
  plan(name: string): ModelPlan | undefined;
  /** Those of the names that can be planned; the others are logged and remembered. */
  plans(names: readonly string[]): readonly ModelPlan[];
  /** Why the last of `plans` left the model out. */
  problem(name: string): string | undefined;
}

export function createRepositoryModels(repository: ModelRepository | undefined, logger: Logger): RepositoryModels {
  const problems = new Map<string, string>();
  const plan = (name: string): ModelPlan | undefined => {
    const stored = repository?.read(name);
    return stored && planOfRepositoryModel(stored);
  };
  return {
    names: () => repository?.names() ?? [],
    plan,
    plans: (names) => names.flatMap((name) => {
      try {
        return plan(name) ?? [];
      } catch (thrown) {
        problems.set(name, reasonOf(thrown));
        logger.log("error", "a model of the repository cannot be served", { model: name, reason: reasonOf(thrown) });
        return [];
      }
    }),
    problem: (name) => problems.get(name),
  };
}
