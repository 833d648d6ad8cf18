/**
 * A folder of models: `<folder>/<model>/<version>/model.onnx`, and optionally `<folder>/<model>/model.json` with
 * settings. It is read whenever somebody asks; names that are not in the listing are never turned into paths.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { ModelRepository } from "../../ports/model-repository.ts";

const MODEL_FILE = "model.onnx";
const SETTINGS_FILE = "model.json";
const VERSION = /^[1-9]\d{0,14}$/;

/** A folder that is not there (yet) holds no models. */
export function createModelFolder(folder: string): ModelRepository {
  const names = (): readonly string[] => foldersIn(folder).filter((name) => versionsOf(join(folder, name)).size > 0).toSorted();
  return {
    names,
    read: (name) => {
      if (!names().includes(name)) return undefined;
      const path = join(folder, name);
      return { name, versions: versionsOf(path), settings: settingsOf(join(path, SETTINGS_FILE)) };
    },
  };
}

function foldersIn(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
}

function versionsOf(path: string): ReadonlyMap<string, string> {
  const versions = foldersIn(path).filter((version) => VERSION.test(version) && existsSync(join(path, version, MODEL_FILE)));
  return new Map(versions.map((version) => [version, join(path, version, MODEL_FILE)]));
}

function settingsOf(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    throw new StrataError("FILE_INVALID", { path, format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}
