/**
 * What the server should serve, and makes it so: plans of the definition and of the repository folder become shelves,
 * changed ones are taken over, gone ones leave; `load` and `unload` do it by hand, one model at a time.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { ModelServer, RepositoryEntry } from "../model-server.ts";
import type { OpenVersion } from "./memory-room.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import { isSamePlan } from "./model-plan.ts";
import type { ModelPlan } from "./model-plan.ts";
import type { RepositoryModels } from "./repository-models.ts";
import { planOfLoad } from "./repository-plan.ts";
import { createServedShelf } from "./served-shelf.ts";
import { loadFailure } from "./version-opener.ts";

export interface ModelDirectoryOptions {
  readonly catalog: ModelCatalog;
  readonly open: OpenVersion;
  readonly repository: RepositoryModels;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ModelDirectory extends Pick<ModelServer, "load" | "unload"> {
  /** Serves exactly these plans beside the repository and the trained models. */
  apply(plans: readonly ModelPlan[]): Promise<void>;
  /** Every model that must be loaded is, or was unloaded by hand. */
  isReady(): boolean;
  /** Models of the repository that are not served, with the reason. */
  unserved(): readonly RepositoryEntry[];
  /** Unloads all. */
  close(): Promise<void>;
}

const UNLOADED = "unloaded";

export function createModelDirectory({ catalog, open, repository, clock, logger }: ModelDirectoryOptions): ModelDirectory {
  const { shelves, trained } = catalog;
  /** Models that a definition brought; a repository folder may not take them over. */
  let defined: ReadonlyMap<string, ModelPlan> = new Map();
  /** Models that the server must have before it is ready. */
  const required = new Set<string>();

  const put = async (plan: ModelPlan): Promise<void> => {
    if (plan.load === "start") required.add(plan.name);
    else required.delete(plan.name);
    const known = shelves.get(plan.name);
    if (known) return isSamePlan(known.plan, plan) ? undefined : known.replan(plan);
    const shelf = createServedShelf({ plan, clock, open });
    shelves.set(plan.name, shelf);
    if (plan.load !== "start") return;
    await shelf.load().catch((thrown: unknown) => logger.log("error", "a model could not be loaded", { model: plan.name, reason: reasonOf(thrown) }));
  };
  const remove = async (model: string): Promise<void> => {
    const shelf = shelves.get(model);
    shelves.delete(model);
    required.delete(model);
    await shelf?.unload("left the definition");
  };
  const unservedNames = (): readonly string[] => repository.names().filter((name) => !shelves.has(name) && !trained.has(name));
  /** What a load by hand starts from; undefined for a name nobody knows. */
  const basePlan = (model: string): ModelPlan | undefined => defined.get(model) ?? repository.plan(model) ?? shelves.get(model)?.plan;
  const isServing = (model: string): boolean => shelves.get(model)!.isHeldBack || shelves.get(model)!.slots().every((slot) => slot.current !== undefined);

  return {
    apply: async (plans) => {
      const gone = [...defined.keys()].filter((name) => !plans.some((plan) => plan.name === name));
      defined = new Map(plans.map((plan) => [plan.name, plan]));
      const found = repository.plans(unservedNames().filter((name) => !defined.has(name)));
      await Promise.all([...plans, ...found].map(put));
      await Promise.all(gone.map(remove));
    },
    load: async (model, options = {}) => {
      if (trained.has(model)) return loadTrained(catalog, model, options);
      const plan = planOfLoad(model, basePlan(model), options);
      if (plan === undefined) throw new StrataError("MODEL_NOT_FOUND", { model, known: catalog.names().join(", ") });
      if (!shelves.has(model)) shelves.set(model, createServedShelf({ plan, clock, open }));
      await shelves.get(model)!.load(plan).catch((thrown: unknown) => { throw loadFailure(model, thrown); });
    },
    unload: async (model, options = {}) => {
      if (trained.has(model)) return trained.holdBack(model);
      const shelf = catalog.shelfOf(model);
      await shelf.unload(UNLOADED);
      if (options.unloadDependents) await Promise.all(membersOf(shelf.plan).flatMap((name) => shelves.get(name)?.unload(UNLOADED) ?? []));
    },
    isReady: () => [...required].every(isServing),
    unserved: () => unservedNames().map((name) => ({ name, version: "", state: "UNAVAILABLE", reason: repository.problem(name) ?? "not loaded yet" })),
    close: async () => { await Promise.all([...shelves.values()].map((shelf) => shelf.unload("the server is closing"))); },
  };
}

async function loadTrained({ trained }: ModelCatalog, model: string, { config, files }: NonNullable<Parameters<ModelServer["load"]>[1]>): Promise<void> {
  if (config !== undefined || files !== undefined) throw new StrataError("MODEL_LOAD_FAILED", { model, reason: "it is trained here; its definition is its configuration" });
  trained.release(model);
  await trained.version(model, undefined);
}

/** Models that a graph asks. */
function membersOf(plan: ModelPlan): readonly string[] {
  return [...plan.versions.values()].flatMap((source) => (source.kind === "graph" ? source.graph.members.map((member) => member.name) : []));
}
