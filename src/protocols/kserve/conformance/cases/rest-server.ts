/** REST: health, server metadata, model metadata, readiness. */
import { casesOf } from "../conformance-case.ts";
import type { Check, ConformanceCase } from "../conformance-case.ts";
import { checkError, flat, member } from "../requests.ts";
import type { RestAnswer } from "../rest-client.ts";

const isText = (value: unknown): boolean => typeof value === "string";
const checkText = (check: Check, answer: RestAnswer, name: string): void => { check.isTrue(name, isText(member(answer.json, name)), { expected: "text", found: member(answer.json, name) }); };

export const REST_HEALTH: readonly ConformanceCase[] = casesOf({ area: "health", transport: "rest", prefix: "rest.health", section: "REST: Server Live, Server Ready" }, [
  { id: "live", title: "GET v2/health/live answers 200", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/health/live")).status, 200); } },
  { id: "live-body", title: "its body says live: true", run: async ({ rest }, check) => { check.equal("live", member((await rest.get("/v2/health/live")).json, "live"), true); } },
  { id: "ready", title: "GET v2/health/ready answers 200", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/health/ready")).status, 200); } },
  {
    id: "ready-body", title: "its body says ready (the specification's own example says live): true",
    run: async ({ rest }, check) => {
      const { json } = await rest.get("/v2/health/ready");
      check.equal("ready or live", member(json, "ready") ?? member(json, "live"), true);
    },
  },
  { id: "live-query", title: "query parameters do not disturb", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/health/live?test_1=1&test_2=2")).status, 200); } },
  { id: "live-method", title: "another method is 405", severity: "advice", run: async ({ rest }, check) => { check.equal("status", (await rest.post("/v2/health/live", "{}")).status, 405); } },
]);

export const REST_SERVER: readonly ConformanceCase[] = casesOf({ area: "server metadata", transport: "rest", prefix: "rest.server", section: "REST: Server Metadata" }, [
  { id: "metadata", title: "GET v2 answers 200", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2")).status, 200); } },
  { id: "metadata-slash", title: "GET v2/ is the same (the OpenAPI file has only this form)", severity: "advice", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/")).status, 200); } },
  { id: "name", title: "name is text", run: async ({ rest }, check) => checkText(check, await rest.get("/v2"), "name") },
  { id: "version", title: "version is text", run: async ({ rest }, check) => checkText(check, await rest.get("/v2"), "version") },
  {
    id: "extensions", title: "extensions is a list of texts",
    run: async ({ rest }, check) => {
      const extensions = member((await rest.get("/v2")).json, "extensions");
      check.isTrue("extensions", Array.isArray(extensions) && extensions.every(isText), { expected: "a list of texts", found: extensions });
    },
  },
  {
    id: "json", title: "the answer is JSON by its Content-Type",
    run: async ({ rest }, check) => {
      const type = (await rest.get("/v2")).headers["content-type"] ?? "";
      check.isTrue("content-type", type.startsWith("application/json"), { expected: "application/json", found: type });
    },
  },
  { id: "unknown-path", title: "a path that is nothing is 404", severity: "advice", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/nothing")).status, 404); } },
]);

const METADATA = "/v2/models/simple";
const TENSOR = (name: string) => ({ name, datatype: "INT32", shape: [-1, 16] });

/** A tensor's metadata by its members; other members may stand beside them. */
function checkTensors(check: Check, what: string, tensors: unknown, expected: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[]): void {
  const found = (Array.isArray(tensors) ? tensors : []).map((tensor: unknown) => ({ name: member(tensor, "name"), datatype: member(tensor, "datatype"), shape: flat(member(tensor, "shape")) }));
  check.equal(what, found, expected);
}

export const REST_MODEL: readonly ConformanceCase[] = casesOf({ area: "model metadata", transport: "rest", prefix: "rest.model", section: "REST: Model Metadata" }, [
  { id: "metadata", title: "GET v2/models/{m} answers 200", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.get(METADATA)).status, 200); } },
  { id: "name", title: "name is the model's", needs: ["simple"], run: async ({ rest }, check) => { check.equal("name", member((await rest.get(METADATA)).json, "name"), "simple"); } },
  { id: "platform", title: "platform is text", needs: ["simple"], run: async ({ rest }, check) => checkText(check, await rest.get(METADATA), "platform") },
  { id: "inputs", title: "inputs have name, datatype and shape, the batch dimension as -1", needs: ["simple"], run: async ({ rest }, check) => checkTensors(check, "inputs", member((await rest.get(METADATA)).json, "inputs"), [TENSOR("INPUT0"), TENSOR("INPUT1")]) },
  { id: "outputs", title: "outputs have name, datatype and shape", needs: ["simple"], run: async ({ rest }, check) => checkTensors(check, "outputs", member((await rest.get(METADATA)).json, "outputs"), [TENSOR("OUTPUT0"), TENSOR("OUTPUT1")]) },
  {
    id: "versions", title: "versions, when there, are texts that may be asked for", needs: ["simple"],
    run: async ({ rest }, check) => {
      const versions = member((await rest.get(METADATA)).json, "versions");
      if (versions === undefined) return;
      check.isTrue("versions", Array.isArray(versions) && versions.length > 0 && versions.every(isText), { expected: "a list of texts", found: versions });
      for (const version of flat(versions)) check.equal(`status of version ${String(version)}`, (await rest.get(`${METADATA}/versions/${String(version)}`)).status, 200);
    },
  },
  { id: "all-versions", title: "a model of two versions lists both", needs: ["versioned"], run: async ({ rest }, check) => { check.equal("versions", member((await rest.get("/v2/models/versioned")).json, "versions"), ["1", "2"]); } },
  { id: "strings", title: "text is datatype BYTES", needs: ["simple_string"], run: async ({ rest }, check) => { check.equal("inputs[0].datatype", member(flat(member((await rest.get("/v2/models/simple_string")).json, "inputs"))[0], "datatype"), "BYTES"); } },
  { id: "unknown", title: "an unknown model is an error with a body", run: async ({ rest }, check) => checkError(check, await rest.get("/v2/models/no_such_model"), [400, 404]) },
  { id: "unknown-404", title: "an unknown model is 404", severity: "advice", run: async ({ rest }, check) => { check.equal("status", (await rest.get("/v2/models/no_such_model")).status, 404); } },
  { id: "unknown-version", title: "an unknown version is an error with a body", needs: ["simple"], run: async ({ rest }, check) => checkError(check, await rest.get(`${METADATA}/versions/999`), [400, 404]) },
  { id: "escaped", title: "names in paths may be percent-encoded", severity: "advice", needs: ["simple"], run: async ({ rest }, check) => { check.equal("name", member((await rest.get("/v2/models/%73imple")).json, "name"), "simple"); } },
  { id: "method", title: "POST to the metadata is 405", severity: "advice", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.post(METADATA, "{}")).status, 405); } },
]);

export const REST_READY: readonly ConformanceCase[] = casesOf({ area: "model ready", transport: "rest", prefix: "rest.ready", section: "REST: Model Ready" }, [
  { id: "ready", title: "GET v2/models/{m}/ready answers 200", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.get(`${METADATA}/ready`)).status, 200); } },
  {
    id: "body", title: "its body has name and ready: true", needs: ["simple"],
    run: async ({ rest }, check) => {
      const { json } = await rest.get(`${METADATA}/ready`);
      check.equal("name, ready", [member(json, "name"), member(json, "ready")], ["simple", true]);
    },
  },
  { id: "version", title: "a version may be named", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.get(`${METADATA}/versions/1/ready`)).status, 200); } },
  {
    id: "unknown", title: "an unknown model is not ready", run: async ({ rest }, check) => {
      const { status } = await rest.get("/v2/models/no_such_model/ready");
      check.isTrue("status", status >= 400, { expected: "400 or above", found: status });
    },
  },
]);
