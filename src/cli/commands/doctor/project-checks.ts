/** What `strata doctor` finds in the project: Node.js, configuration, definition, optional runtimes. */
import { loadConfig, type Config, type ConfigSources } from "../../../platform/config.ts";
import { hasOnnxRuntime } from "../../../platform/inspect.ts";
import { nodeVersionProblem } from "../../node-version.ts";
import { formatCount } from "../../terminal/format.ts";
import { loadLocalDefinition } from "../definition-plan.ts";
import { failedCheck, type Check } from "./check.ts";

/** `version` is like "24.1.0". */
export function checkNode(version: string): Check {
  const problem = nodeVersionProblem(version);
  if (problem === undefined) return { name: "Node.js", status: "ok", detail: version };
  return { name: "Node.js", status: "failed", detail: problem, next: "Install a current release and run this again." };
}

export function checkConfig(sources: ConfigSources): { readonly check: Check; readonly config?: Config } {
  try {
    const { config, entries } = loadConfig(sources);
    const changed = entries.filter(({ source }) => source !== "default").map(({ key, source }) => `${key} (${source})`);
    return { config, check: { name: "configuration", status: "ok", detail: changed.length === 0 ? "defaults" : `defaults and ${changed.join(", ")}` } };
  } catch (thrown) {
    return { check: failedCheck("configuration", thrown) };
  }
}

export async function checkDefinition(path: string, workingDirectory: string): Promise<Check> {
  try {
    const { application, file } = await loadLocalDefinition(path, workingDirectory);
    const { streams, featureViews, models, endpoints } = application;
    const parts = [formatCount(streams.size, "stream"), formatCount(featureViews.size, "feature view"), formatCount(models.size, "model"), formatCount(endpoints.size, "endpoint")];
    return { name: "definition", status: "ok", detail: `${application.name} in ${file}: ${parts.join(", ")}` };
  } catch (thrown) {
    const check = failedCheck("definition", thrown);
    return check.detail.startsWith("There is no file") ? { ...check, next: "Write one with `strata init`, or name it: `strata doctor path/to/app.ts`." } : check;
  }
}

/** Models are exported as ONNX without it; only serving others' ONNX models needs it. */
export function checkOnnxRuntime(): Check {
  return hasOnnxRuntime()
    ? { name: "ONNX runtime", status: "ok", detail: "onnxruntime-node is installed" }
    : { name: "ONNX runtime", status: "skipped", detail: "onnxruntime-node is not installed; it is optional" };
}
