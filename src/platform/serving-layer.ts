/** Layer 4's model server over its engines: what the definition, the repository folder and the trainer offer, behind one interface. */
import { randomInt } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { Application } from "../define/index.ts";
import { createModelFolder } from "../engines/embedded/model-folder.ts";
import type { Clock } from "../kernel/clock.ts";
import { createRandom } from "../kernel/random.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { createModelServer, planOfGraph, planOfServedModel } from "../serving/index.ts";
import type { FleetReport, LocalModelServer, ModelPlan, ModelPool } from "../serving/index.ts";
import type { Config } from "./config.ts";
import { createInferenceRuntimes } from "./inference-runtimes.ts";
import { strataVersion } from "./version.ts";

export interface ServingLayer extends AsyncDisposable {
  readonly server: LocalModelServer;
  /** Replicas of a version that other servers run. */
  fleetOf(model: string, version: string): FleetReport | undefined;
  applyDefinition(application: Application): Promise<void>;
}

export interface ServingLayerOptions {
  readonly application: () => Application;
  /** The definition's file, which paths of models are relative to; the working directory when there is none. */
  readonly definitionFile: string | undefined;
  readonly config: Config;
  readonly pool: ModelPool;
  readonly champion: (model: string) => number | undefined;
  readonly clock: Clock;
  readonly telemetry: Meter;
  readonly logger: Logger;
}

export async function openServingLayer(options: ServingLayerOptions): Promise<ServingLayer> {
  const { application, definitionFile, config, pool, champion, clock, telemetry, logger } = options;
  const folder = definitionFile === undefined ? process.cwd() : dirname(resolve(definitionFile));
  const runtimes = createInferenceRuntimes({ clock, meter: telemetry });
  const server = createModelServer({
    name: "strata", version: strataVersion(), clock, meter: telemetry, logger,
    trained: { models: () => application().models, champion, pool },
    runtimes,
    ...(config.modelRepository !== undefined && { repository: createModelFolder(resolve(config.modelRepository)) }),
    ...(config.modelMemoryBytes !== undefined && { memoryBytes: config.modelMemoryBytes }),
    random: createRandom(randomInt(2 ** 32)),
  });
  const plansOf = ({ servedModels, graphs }: Application): readonly ModelPlan[] =>
    [...[...servedModels.values()].map((model) => planOfServedModel(model, (file) => resolve(folder, file))), ...[...graphs.values()].map(planOfGraph)];
  await server.apply(plansOf(application()));
  return {
    server, fleetOf: runtimes.fleetOf,
    applyDefinition: (next) => server.apply(plansOf(next)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
