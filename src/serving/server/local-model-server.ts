/**
 * The model server of this process: models of the definition, of the repository folder and of the trainer, each with
 * its versions, loaded when they should be, found by name and version, explained afterwards.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { InferenceRuntimes } from "../../ports/inference-model.ts";
import type { ModelRepository } from "../../ports/model-repository.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import { createGraphModel } from "../graphs/graph-model.ts";
import type { GraphHost } from "../graphs/graph-model.ts";
import type { ModelServer } from "../model-server.ts";
import { createRequestHistory } from "../models/request-history.ts";
import { createServingInstruments } from "../models/version-statistics.ts";
import { createInferencePath } from "./inference-path.ts";
import { openWithinMemory } from "./memory-room.ts";
import { createModelCatalog } from "./model-catalog.ts";
import { createModelDirectory } from "./model-directory.ts";
import type { ModelPlan } from "./model-plan.ts";
import { createModelReport } from "./model-report.ts";
import { createRepositoryModels } from "./repository-models.ts";
import { createTrainedShelf } from "./trained-shelf.ts";
import type { TrainedModels } from "./trained-shelf.ts";
import { createVersionFinder } from "./version-finder.ts";
import { createVersionOpener } from "./version-opener.ts";

export interface ModelServerOptions {
  readonly name: string;
  readonly version: string;
  readonly trained: TrainedModels;
  readonly runtimes: InferenceRuntimes;
  /** Where `load` finds models that no definition names; none when absent. */
  readonly repository?: ModelRepository;
  /** Memory that loaded models may hold together. Default: no bound. */
  readonly memoryBytes?: number;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** For splits of callers without a name. */
  readonly random: Pick<Random, "next">;
}

export interface LocalModelServer extends ModelServer, AsyncDisposable {
  /** Serves exactly these plans beside the repository and the trained models; resolves when those that load at the start are loaded or failed. */
  apply(plans: readonly ModelPlan[]): Promise<void>;
  /** Graphs ask their members through this server, which may divide their traffic; through itself when never called. */
  askMembersThrough(server: Pick<ModelServer, "infer">): void;
}

export function createModelServer(options: ModelServerOptions): LocalModelServer {
  const { clock, logger, random, runtimes, memoryBytes = Number.POSITIVE_INFINITY } = options;
  const catalog = createModelCatalog(createTrainedShelf(options.trained));
  const finder = createVersionFinder(catalog, clock);
  const history = createRequestHistory();
  const infer = createInferencePath({ finder, history, clock });
  let members: Pick<ModelServer, "infer"> = { infer };
  const graphHost: GraphHost = {
    signature: async (model, version) => {
      const { inputs, properties } = finder.peek(model, version) ?? await finder.bring(model, version);
      return { inputs, columns: properties?.["columns"]?.split(",") ?? [] };
    },
    infer: (request) => members.infer(request),
    draw: () => random.next(),
  };
  const openVersion = createVersionOpener({ runtimes, clock, instruments: createServingInstruments(options.meter), openGraph: ({ graph }) => createGraphModel(graph, graphHost) });
  const open = openWithinMemory(openVersion, { catalog, memoryBytes, logger });
  const directory = createModelDirectory({ catalog, open, repository: createRepositoryModels(options.repository, logger), clock, logger });
  return {
    name: options.name, version: options.version,
    ...createModelReport({ catalog, finder, directory }),
    infer, load: directory.load, unload: directory.unload, apply: directory.apply,
    models: catalog.names,
    isLive: () => true,
    isReady: () => !finder.isClosed() && directory.isReady(),
    explain: (query) => history.find(query),
    askMembersThrough: (through) => { members = through; },
    [Symbol.asyncDispose]: () => {
      finder.close();
      return directory.close();
    },
  };
}
