/** The models that are there, whatever brought them: those served by a plan, and those that are trained here. */
import { StrataError } from "../../kernel/errors.ts";
import type { RunningVersion } from "../models/running-version.ts";
import type { ServedShelf } from "./served-shelf.ts";
import type { TrainedShelf } from "./trained-shelf.ts";

export interface ModelCatalog {
  /** By name; the model directory puts and removes them. */
  readonly shelves: Map<string, ServedShelf>;
  readonly trained: TrainedShelf;
  /** Sorted. */
  names(): readonly string[];
  /** Of a model that is served by a plan. MODEL_NOT_FOUND. */
  shelfOf(model: string): ServedShelf;
  /** Versions in memory. */
  loaded(): readonly RunningVersion[];
}

export function createModelCatalog(trained: TrainedShelf): ModelCatalog {
  const shelves = new Map<string, ServedShelf>();
  const names = (): readonly string[] => [...new Set([...shelves.keys(), ...trained.names()])].toSorted();
  return {
    shelves, trained, names,
    shelfOf: (model) => {
      const shelf = shelves.get(model);
      if (shelf === undefined) throw new StrataError("MODEL_NOT_FOUND", { model, known: names().join(", ") });
      return shelf;
    },
    loaded: () => [...[...shelves.values()].flatMap((shelf) => shelf.slots().flatMap((slot) => slot.current ?? [])), ...trained.loaded()],
  };
}
