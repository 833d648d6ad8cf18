/** What the server tells about its models: the index, metadata, configuration and statistics. */
import { toStrataError } from "../../kernel/errors.ts";
import type { ModelServer, RepositoryEntry } from "../model-server.ts";
import type { RunningVersion } from "../models/running-version.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import { describeConfig } from "./model-config.ts";
import type { ModelDirectory } from "./model-directory.ts";
import type { VersionFinder } from "./version-finder.ts";

export interface ModelReportOptions {
  readonly catalog: ModelCatalog;
  readonly finder: VersionFinder;
  readonly directory: Pick<ModelDirectory, "unserved">;
}

export type ModelReport = Pick<ModelServer, "index" | "isModelReady" | "metadata" | "config" | "statistics">;

export function createModelReport({ catalog, finder, directory }: ModelReportOptions): ModelReport {
  const { shelves, trained } = catalog;
  const find = async (model: string, version: string | undefined): Promise<RunningVersion> => finder.peek(model, version) ?? await finder.bring(model, version);

  const index = (filter?: { readonly isReady?: boolean }): readonly RepositoryEntry[] => {
    const known = [...[...shelves.values()].flatMap((shelf) => shelf.entries()), ...trained.entries()];
    const all = [...known, ...directory.unserved()].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return filter?.isReady === undefined ? all : all.filter((entry) => (entry.state === "READY") === filter.isReady);
  };

  return {
    index,
    isModelReady: async (model, version) => {
      try {
        return trained.has(model) ? await trained.version(model, version).then(() => true) : finder.peek(model, version) !== undefined;
      } catch (thrown) {
        if (toStrataError(thrown).code === "MODEL_NOT_FOUND") throw thrown;
        return false;
      }
    },
    metadata: async (model, version) => {
      const { platform, inputs, outputs, properties, version: found } = await find(model, version);
      const ready = version === undefined ? index({ isReady: true }).filter((entry) => entry.name === model).map((entry) => entry.version) : [found];
      return { name: model, versions: ready, platform, inputs, outputs, ...(properties && { properties }) };
    },
    config: async (model, version) => describeConfig(await find(model, version), shelves.get(model)?.plan),
    statistics: (model, version) => {
      if (model !== undefined && !trained.has(model)) catalog.shelfOf(model);
      return catalog.loaded().filter((one) => (model === undefined || one.model === model) && (version === undefined || one.version === version)).map((one) => one.statistics());
    },
  };
}
