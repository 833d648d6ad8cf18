/** The model servers that are compared, each installed and started the way its own guide does it. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../peer-cache.ts";
import type { PeerCache } from "../peer-cache.ts";
import { openStrataProject } from "../strata-project.ts";
import type { StrataMode } from "../strata-project.ts";
import { numberAt, openInference } from "./contender.ts";
import type { ServingContender } from "./contender.ts";

export interface TrainedModel {
  readonly folder: string;
  readonly rows: readonly (readonly number[])[];
  /** scikit-learn's own predictions for the rows. */
  readonly predictions: readonly number[];
  readonly remarks: string;
}

const here = import.meta.dirname;
const RUNTIME = "onnxruntime==1.32.0";
/** onnxruntime would otherwise take a thread per core for a model of 20 µs, and tokenizers warn about forks. */
const QUIET = { OMP_NUM_THREADS: "1", PYTHONUNBUFFERED: "1", PYTHONWARNINGS: "ignore" };

/** Trains with scikit-learn in an environment of its own; the servers get files. */
export async function trainModel(cache: PeerCache, say: (text: string) => void): Promise<TrainedModel> {
  const { bin, versions } = await cache.python("training", ["scikit-learn==1.9.1", "skl2onnx==1.20.0"]);
  const folder = join(cache.root, "model");
  say("training the model");
  const { nodes, bytes } = JSON.parse(await run(join(bin, "python"), [join(here, "train_model.py"), folder], here)) as { readonly nodes: number; readonly bytes: number };
  const { rows, predictions } = JSON.parse(await readFile(join(folder, "cases.json"), "utf8")) as Pick<TrainedModel, "rows" | "predictions">;
  return { folder, rows, predictions, remarks: `Gradient boosting by scikit-learn ${versions.get("scikit-learn")}: 100 trees of depth 6 on 28 features, ${nodes} nodes, exported by skl2onnx ${versions.get("skl2onnx")} (${Math.round(bytes / 1024)} KiB).` };
}

export type ContenderFactory = (cache: PeerCache, model: TrainedModel, workers: 1 | 2) => Promise<ServingContender>;

export function servingContenders(mode: StrataMode, say: (text: string) => void): Readonly<Record<string, ContenderFactory>> {
  return { Strata: strata(mode, say), MLServer: mlserver("onnx"), "MLServer, scikit-learn": mlserver("sklearn"), BentoML: bentoml, LitServe: litserve, KServe: kserve, "Ray Serve": rayServe };
}

const strata = (mode: StrataMode, say: (text: string) => void): ContenderFactory => async (cache, model, workers) => {
  const project = await openStrataProject(cache, mode, say);
  if (workers > 1 && !project.canServe) throw new Error("this Strata has no command that starts several serving processes");
  const definition = await project.add(`serving-${workers}`, join(here, "strata-app.ts"));
  await copyFile(join(model.folder, "model.onnx"), join(definition.folder, "model.onnx"));
  return {
    name: "Strata", workers, isStrata: true, path: "/v2/models/trees/infer", ...openInference("features"),
    remarks: `${project.remarks}; defineServedModel with onnxModel; batches of up to 64 rows, no added delay; metrics on${workers === 1 ? "" : "; strata serve --processes 2"}; Open Inference Protocol v2`,
    command: (port) => project.command(definition, { port, processes: workers }),
  };
};

const mlserver = (runtime: "onnx" | "sklearn"): ContenderFactory => async (cache, model, workers) => {
  // its workers do not start with newer uvloops: "There is no current event loop in thread"
  const environment = await cache.python("mlserver", ["uvloop==0.21.0", "mlserver==1.7.1", "mlserver-sklearn==1.7.1", "scikit-learn==1.9.1", RUNTIME]);
  const folder = join(cache.root, `mlserver-${runtime}-${workers}`);
  await mkdir(folder, { recursive: true });
  const file = runtime === "onnx" ? "model.onnx" : "model.joblib";
  await copyFile(join(model.folder, file), join(folder, file));
  await copyFile(join(here, "mlserver_onnx.py"), join(folder, "mlserver_onnx.py"));
  await writeFile(join(folder, "model-settings.json"), JSON.stringify({
    name: "trees", implementation: runtime === "onnx" ? "mlserver_onnx.OnnxModel" : "mlserver_sklearn.SKLearnModel", parameters: { uri: `./${file}`, version: "1" },
  }));
  // parallel_workers 0 infers in the server's own process: one process, and faster than one worker behind a queue
  const settings = (port: number) => ({ host: "127.0.0.1", http_port: port, grpc_port: port + 1, metrics_port: port + 2, parallel_workers: workers === 1 ? 0 : workers, debug: false, access_log: false });
  return {
    name: runtime === "onnx" ? "MLServer" : "MLServer, scikit-learn", workers, isStrata: false, path: "/v2/models/trees/infer", ...openInference("features"),
    remarks: `MLServer ${environment.versions.get("mlserver")} with uvloop 0.21.0, because its workers do not start with newer ones; ${runtime === "onnx" ? "a custom runtime on onnxruntime" : "its scikit-learn runtime"}; adaptive batching off, its default; parallel_workers ${workers === 1 ? 0 : workers}; Open Inference Protocol v2`,
    command: (port) => ({
      command: join(environment.bin, "mlserver"), args: ["start", folder], cwd: folder,
      environment: { ...QUIET, PATH: `${environment.bin}:${process.env["PATH"] ?? ""}`, ...Object.fromEntries(Object.entries(settings(port)).map(([name, value]) => [`MLSERVER_${name.toUpperCase()}`, String(value)])) },
    }),
  };
};

const bentoml: ContenderFactory = async (cache, model, workers) => {
  const environment = await cache.python("bentoml", ["bentoml==1.4.39", RUNTIME]);
  return {
    name: "BentoML", workers, isStrata: false, path: "/predict",
    remarks: `BentoML ${environment.versions.get("bentoml")}; onnxruntime; batchable API, up to 64 rows, its adaptive dispatcher; workers=${workers}; its own JSON`,
    bodyOf: (row) => JSON.stringify({ rows: [row] }), predictionOf: (answer) => numberAt(answer, [0]),
    command: (port) => ({
      command: join(environment.bin, "bentoml"), args: ["serve", "bentoml_service:Trees", "--host", "127.0.0.1", "--port", String(port), "--working-dir", here], cwd: environment.folder,
      environment: { ...QUIET, MODEL: join(model.folder, "model.onnx"), WORKERS: String(workers), BENTOML_DO_NOT_TRACK: "True", BENTOML_HOME: join(environment.folder, "home"), PYTHONDONTWRITEBYTECODE: "1" },
    }),
  };
};

const litserve: ContenderFactory = async (cache, model, workers) => {
  const environment = await cache.python("litserve", ["litserve==0.2.19", RUNTIME]);
  return {
    name: "LitServe", workers, isStrata: false, path: "/predict",
    remarks: `LitServe ${environment.versions.get("litserve")}; onnxruntime; batches of up to 64 within 2 ms; ${workers} API server${workers === 1 ? "" : "s"} and ${workers} worker${workers === 1 ? "" : "s"}, as it always separates them; its own JSON`,
    bodyOf: (row) => JSON.stringify({ row }), predictionOf: (answer) => numberAt(answer, ["prediction"]),
    command: (port) => pythonScript(environment.bin, environment.folder, ["litserve_server.py", port, workers, join(model.folder, "model.onnx")]),
  };
};

const kserve: ContenderFactory = async (cache, model, workers) => {
  const environment = await cache.python("kserve", ["kserve==0.21.0", RUNTIME]);
  return {
    name: "KServe", workers, isStrata: false, path: "/v2/models/trees/infer", ...openInference("features"),
    remarks: `KServe's Python server ${environment.versions.get("kserve")}; a custom predictor on onnxruntime; no batching in the server; workers=${workers}; Open Inference Protocol v2`,
    command: (port) => pythonScript(environment.bin, environment.folder, ["kserve_server.py", port, workers, join(model.folder, "model.onnx")]),
  };
};

const rayServe: ContenderFactory = async (cache, model, workers) => {
  const environment = await cache.python("ray", ["ray[serve]==2.60.0", RUNTIME]);
  return {
    name: "Ray Serve", workers, isStrata: false, path: "/predict",
    remarks: `Ray Serve ${environment.versions.get("ray")}; onnxruntime; serve.batch of up to 64 within 2 ms; ${workers} replica${workers === 1 ? "" : "s"} behind its proxy process; its own JSON`,
    bodyOf: (row) => JSON.stringify({ row }), predictionOf: (answer) => numberAt(answer, ["prediction"]),
    command: (port) => ({ ...pythonScript(environment.bin, environment.folder, ["ray_server.py", port, workers, join(model.folder, "model.onnx")]) }),
  };
};

function pythonScript(bin: string, cwd: string, [script, ...args]: readonly [string, ...(string | number)[]]) {
  return { command: join(bin, "python"), args: [join(here, script), ...args.map(String)], cwd, environment: { ...QUIET, PYTHONDONTWRITEBYTECODE: "1", RAY_USAGE_STATS_ENABLED: "0" } };
}
