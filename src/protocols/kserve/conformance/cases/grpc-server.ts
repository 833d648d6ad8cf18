/** gRPC: health, metadata, readiness, repository, configuration, statistics. */
import { casesOf } from "../conformance-case.ts";
import type { Check, ConformanceCase } from "../conformance-case.ts";
import type { GrpcAnswer, GrpcClient } from "../grpc-client.ts";
import { listOf } from "../requests.ts";

/** A case that has a gRPC client: without one it is skipped before it runs. */
type GrpcRun = (grpc: GrpcClient, check: Check) => Promise<void>;
export const overGrpc = (run: GrpcRun): ConformanceCase["run"] => ({ grpc }, check) => (grpc === undefined ? Promise.resolve() : run(grpc, check));

/** An error with one of the statuses, and a sentence. */
export function checkStatus(check: Check, answer: GrpcAnswer, statuses: readonly string[]): void {
  check.isTrue("status", statuses.includes(answer.status), { expected: statuses.join(" or "), found: `${answer.status} ${answer.details}` });
  check.isTrue("details", answer.details !== "", { expected: "a sentence", found: answer.details });
}

export const ok = (check: Check, { status, details }: GrpcAnswer): boolean => check.equal("status", `${status} ${details}`.trim(), "OK");

export const GRPC_HEALTH: readonly ConformanceCase[] = casesOf({ area: "health", transport: "grpc", prefix: "grpc.health", section: "gRPC: ServerLive, ServerReady, ModelReady" }, [
  { id: "live", title: "ServerLive", run: overGrpc(async (grpc, check) => { check.equal("live", (await grpc.call("ServerLive", {})).message["live"], true); }) },
  { id: "ready", title: "ServerReady", run: overGrpc(async (grpc, check) => { check.equal("ready", (await grpc.call("ServerReady", {})).message["ready"], true); }) },
  { id: "model-ready", title: "ModelReady", needs: ["simple"], run: overGrpc(async (grpc, check) => { check.equal("ready", (await grpc.call("ModelReady", { name: "simple" })).message["ready"], true); }) },
  { id: "version-ready", title: "ModelReady of a version", needs: ["simple"], run: overGrpc(async (grpc, check) => { check.equal("ready", (await grpc.call("ModelReady", { name: "simple", version: "1" })).message["ready"], true); }) },
  { id: "unknown", title: "an unknown model is not ready, or an error", run: overGrpc(async (grpc, check) => {
    const { status, message } = await grpc.call("ModelReady", { name: "no_such_model" });
    check.isTrue("status, ready", status !== "OK" || message["ready"] === false, { expected: "false or an error", found: [status, message["ready"]] });
  }) },
  { id: "probe", title: "grpc.health.v1 answers SERVING, for Kubernetes' probes", severity: "advice", section: "gRPC health checking protocol", run: overGrpc(async (grpc, check) => { check.equal("status", (await grpc.health("")).message["status"], "SERVING"); }) },
  { id: "probe-service", title: "and for the service by its name", severity: "advice", section: "gRPC health checking protocol", run: overGrpc(async (grpc, check) => { check.equal("status", (await grpc.health("inference.GRPCInferenceService")).message["status"], "SERVING"); }) },
  { id: "probe-unknown", title: "a service that is not there is NOT_FOUND", severity: "advice", section: "gRPC health checking protocol", run: overGrpc(async (grpc, check) => { check.equal("status", (await grpc.health("no.such.Service")).status, "NOT_FOUND"); }) },
]);

const TENSOR = (name: string) => ({ name, datatype: "INT32", shape: ["-1", "16"] });

export const GRPC_METADATA: readonly ConformanceCase[] = casesOf({ area: "metadata", transport: "grpc", prefix: "grpc.metadata", section: "gRPC: ServerMetadata, ModelMetadata" }, [
  { id: "server", title: "ServerMetadata has a name and a version", run: overGrpc(async (grpc, check) => {
    const { message } = await grpc.call("ServerMetadata", {});
    check.isTrue("name, version", typeof message["name"] === "string" && message["name"] !== "" && typeof message["version"] === "string", { expected: "texts", found: [message["name"], message["version"]] });
  }) },
  { id: "same", title: "it is the server that REST describes", run: async ({ grpc, rest }, check) => {
    const { message } = await grpc!.call("ServerMetadata", {}); // a gRPC case is skipped without a client
    check.equal("name, version", { name: message["name"], version: message["version"] }, nameAndVersion((await rest.get("/v2")).json));
  } },
  { id: "model", title: "ModelMetadata has name, versions, inputs and outputs", needs: ["simple"], run: overGrpc(async (grpc, check) => {
    const { message } = await grpc.call("ModelMetadata", { name: "simple" });
    check.equal("name", message["name"], "simple");
    check.equal("inputs", listOf(message, "inputs"), [TENSOR("INPUT0"), TENSOR("INPUT1")]);
    check.equal("outputs", listOf(message, "outputs"), [TENSOR("OUTPUT0"), TENSOR("OUTPUT1")]);
  }) },
  { id: "versions", title: "a model of two versions lists both", needs: ["versioned"], run: overGrpc(async (grpc, check) => { check.equal("versions", (await grpc.call("ModelMetadata", { name: "versioned" })).message["versions"], ["1", "2"]); }) },
  { id: "unknown", title: "an unknown model is NOT_FOUND", severity: "advice", run: overGrpc(async (grpc, check) => checkStatus(check, await grpc.call("ModelMetadata", { name: "no_such_model" }), ["NOT_FOUND"])) },
  { id: "unknown-version", title: "an unknown version is an error", needs: ["simple"], run: overGrpc(async (grpc, check) => checkStatus(check, await grpc.call("ModelMetadata", { name: "simple", version: "999" }), ["NOT_FOUND", "INVALID_ARGUMENT"])) },
]);

function nameAndVersion(json: unknown): unknown {
  const { name, version } = (json ?? {}) as { readonly name?: unknown; readonly version?: unknown };
  return { name, version };
}

const text = (value: string) => ({ string_param: value });

export const GRPC_EXTENSIONS: readonly ConformanceCase[] = casesOf({ area: "extensions", transport: "grpc", prefix: "grpc.extension", section: "Triton's extensions" }, [
  { id: "index", title: "RepositoryIndex lists models", extension: "model_repository", needs: ["simple"], run: overGrpc(async (grpc, check) => {
    check.equal("state", listOf((await grpc.call("RepositoryIndex", {})).message, "models").find((entry) => entry["name"] === "simple")?.["state"], "READY");
  }) },
  { id: "unload", title: "RepositoryModelUnload and RepositoryModelLoad", extension: "model_repository", needs: ["loadable"], run: overGrpc(async (grpc, check) => {
    ok(check, await grpc.call("RepositoryModelUnload", { model_name: "loadable" }));
    check.equal("ready after unloading", (await grpc.call("ModelReady", { name: "loadable" })).message["ready"], false);
    ok(check, await grpc.call("RepositoryModelLoad", { model_name: "loadable" }));
    check.equal("ready after loading", (await grpc.call("ModelReady", { name: "loadable" })).message["ready"], true);
  }) },
  { id: "load-config", title: "a load may bring a configuration", extension: "model_repository", needs: ["loadable"], run: overGrpc(async (grpc, check) => {
    ok(check, await grpc.call("RepositoryModelLoad", { model_name: "loadable", parameters: { config: text("{\"max_batch_size\":\"4\"}") } }));
    check.equal("max_batch_size", configOf(await grpc.call("ModelConfig", { name: "loadable" }))["max_batch_size"], 4);
    await grpc.call("RepositoryModelLoad", { model_name: "loadable", parameters: { config: text("{\"max_batch_size\":8}") } });
  }) },
  { id: "load-unknown", title: "loading what is not there is an error", extension: "model_repository", run: overGrpc(async (grpc, check) => checkStatus(check, await grpc.call("RepositoryModelLoad", { model_name: "no_such_model" }), ["NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL"])) },
  { id: "config", title: "ModelConfig", extension: "model_configuration", needs: ["simple"], run: overGrpc(async (grpc, check) => {
    const config = configOf(await grpc.call("ModelConfig", { name: "simple" }));
    check.equal("name, max_batch_size", [config["name"], config["max_batch_size"]], ["simple", 8]);
    check.equal("input", listOf(config, "input").map((input) => [input["name"], input["data_type"], input["dims"]]), [["INPUT0", "TYPE_INT32", ["16"]], ["INPUT1", "TYPE_INT32", ["16"]]]);
  }) },
  { id: "statistics", title: "ModelStatistics", extension: "statistics", needs: ["simple"], run: overGrpc(async (grpc, check) => {
    check.equal("entries", listOf((await grpc.call("ModelStatistics", { name: "simple" })).message, "model_stats").map((entry) => [entry["name"], entry["version"]]), [["simple", "1"]]);
  }) },
]);

function configOf({ message }: GrpcAnswer): Readonly<Record<string, unknown>> {
  return (message["config"] ?? {}) as Readonly<Record<string, unknown>>; // a message, or absent
}
