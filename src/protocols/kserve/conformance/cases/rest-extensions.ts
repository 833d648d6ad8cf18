/** REST: Triton's extensions (classification, repository, configuration, statistics, schedule policy) and behaviour under load. */
import { setTimeout as sleep } from "node:timers/promises";
import { casesOf } from "../conformance-case.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { checkError, flat, inputText, member, outputNamed, requestText, simpleRequest } from "../requests.ts";
import type { RestClient } from "../rest-client.ts";

const classRequest = (count: number): string => requestText([inputText({ datatype: "FP32", shape: [2, 4], data: "[1,5,10,4,0.5,0.25,-1,2]" })], `,"outputs":[{"name":"OUTPUT0","parameters":{"classification":${count}}}]`);

export const REST_CLASSIFICATION: readonly ConformanceCase[] = casesOf({ area: "classification", transport: "rest", prefix: "rest.classification", section: "Classification extension", extension: "classification" }, [
  { id: "order", title: "the highest classes first, each as value:index", needs: ["identity_fp32"], run: async ({ rest }, check) => {
    const { datatype, shape, data } = outputNamed(await rest.post("/v2/models/identity_fp32/infer", classRequest(2)), "OUTPUT0");
    check.equal("datatype, shape", [datatype, shape], ["BYTES", [2, 2]]);
    check.equal("value and index", flat(data).map((text) => String(text).split(":").map(Number)), [[10, 2], [5, 1], [2, 3], [0.5, 0]]);
  } },
  { id: "clamped", title: "more classes than there are gives all", needs: ["identity_fp32"], run: async ({ rest }, check) => {
    check.equal("classes", flat(outputNamed(await rest.post("/v2/models/identity_fp32/infer", classRequest(9)), "OUTPUT0").data).length, 8);
  } },
]);

const index = async (rest: RestClient, body = "{}"): Promise<readonly unknown[]> => flat((await rest.post("/v2/repository/index", body)).json);
const entryOf = (entries: readonly unknown[], name: string): unknown => entries.find((entry) => member(entry, "name") === name);
const NUMBER = requestText([inputText({ datatype: "INT32", shape: [1, 1], data: "[7]" })]);
const LOAD = "/v2/repository/models/loadable/load";
const UNLOAD = "/v2/repository/models/loadable/unload";
const needs = ["loadable"];

export const REST_REPOSITORY: readonly ConformanceCase[] = casesOf({ area: "model repository", transport: "rest", prefix: "rest.repository", section: "Model repository extension", extension: "model_repository" }, [
  { id: "index", title: "the index lists models with name, version, state", needs: ["simple"], run: async ({ rest }, check) => {
    const entry = entryOf(await index(rest), "simple");
    check.equal("name, state", [member(entry, "name"), member(entry, "state")], ["simple", "READY"]);
    check.equal("version is text", typeof member(entry, "version"), "string");
  } },
  { id: "empty-body", title: "an empty body is taken", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.send({ method: "POST", path: "/v2/repository/index", body: "" })).status, 200); } },
  { id: "unload", title: "an unloaded model is not ready, and says so with a body", needs, run: async ({ rest }, check) => {
    check.equal("status of unload", (await rest.post(UNLOAD, "{}")).status, 200);
    const ready = await rest.get("/v2/models/loadable/ready");
    check.isTrue("status of ready", ready.status >= 400, { expected: "400 or above", found: ready.status });
    checkError(check, await rest.post("/v2/models/loadable/infer", NUMBER), [400, 404, 503]);
    await rest.post(LOAD, "{}");
  } },
  { id: "unload-503", title: "asking an unloaded model is 503: it may come back", severity: "advice", needs, run: async ({ rest }, check) => {
    await rest.post(UNLOAD, "{}");
    const answer = await rest.post("/v2/models/loadable/infer", NUMBER);
    check.equal("status", answer.status, 503);
    check.isTrue("retry-after", Number(answer.headers["retry-after"]) > 0, { expected: "seconds", found: answer.headers["retry-after"] });
    await rest.post(LOAD, "{}");
  } },
  { id: "ready-only", title: "ready: true lists only what is ready", needs, run: async ({ rest }, check) => {
    await rest.post(UNLOAD, "{}");
    check.equal("in the index of ready models", entryOf(await index(rest, "{\"ready\":true}"), "loadable"), undefined);
    await rest.post(LOAD, "{}");
    check.equal("state after loading", member(entryOf(await index(rest, "{\"ready\":true}"), "loadable"), "state"), "READY");
  } },
  { id: "reload", title: "a loaded model may be loaded again and answers", needs, run: async ({ rest }, check) => {
    check.equal("status of load", (await rest.post(LOAD, "")).status, 200);
    check.equal("data", flat(outputNamed(await rest.post("/v2/models/loadable/infer", NUMBER), "OUTPUT0").data), [1]);
  } },
  { id: "config", title: "a load may bring a configuration", needs, run: async ({ rest }, check) => {
    const before = member((await rest.get("/v2/models/loadable/config")).json, "max_batch_size");
    check.equal("status of load", (await rest.post(LOAD, JSON.stringify({ parameters: { config: "{\"max_batch_size\":\"16\"}" } }))).status, 200);
    check.equal("max_batch_size", member((await rest.get("/v2/models/loadable/config")).json, "max_batch_size"), 16);
    await rest.post(LOAD, JSON.stringify({ parameters: { config: JSON.stringify({ max_batch_size: before }) } }));
  } },
  { id: "bad-config", title: "a configuration that is no JSON fails the load, and the model goes on", needs, run: async ({ rest }, check) => {
    checkError(check, await rest.post(LOAD, JSON.stringify({ parameters: { config: "{{" } })), [400]);
    check.equal("status of ready", (await rest.get("/v2/models/loadable/ready")).status, 200);
  } },
  { id: "unknown", title: "loading what is not there is an error", run: async ({ rest }, check) => checkError(check, await rest.post("/v2/repository/models/no_such_model/load", "{}"), [400, 404]) },
]);

export const REST_CONFIGURATION: readonly ConformanceCase[] = casesOf({ area: "model configuration", transport: "rest", prefix: "rest.config", section: "Model configuration extension", extension: "model_configuration" }, [
  { id: "name", title: "the configuration names the model and its largest batch", needs: ["simple"], run: async ({ rest }, check) => {
    const { json } = await rest.get("/v2/models/simple/config");
    check.equal("name, max_batch_size", [member(json, "name"), member(json, "max_batch_size")], ["simple", 8]);
  } },
  { id: "tensors", title: "input and output have data_type and dims without the batch", needs: ["simple"], run: async ({ rest }, check) => {
    const { json } = await rest.get("/v2/models/simple/config");
    const of = (tensors: unknown) => flat(tensors).map((tensor) => [member(tensor, "name"), member(tensor, "data_type"), flat(member(tensor, "dims")).map(Number)]);
    check.equal("input", of(member(json, "input")), [["INPUT0", "TYPE_INT32", [16]], ["INPUT1", "TYPE_INT32", [16]]]);
    check.equal("output", of(member(json, "output")), [["OUTPUT0", "TYPE_INT32", [16]], ["OUTPUT1", "TYPE_INT32", [16]]]);
  } },
  { id: "unknown", title: "of an unknown model there is none", run: async ({ rest }, check) => checkError(check, await rest.get("/v2/models/no_such_model/config"), [400, 404]) },
]);

const statisticsOf = async (rest: RestClient, path: string): Promise<readonly unknown[]> => flat(member((await rest.get(path)).json, "model_stats"));
const countOf = (statistics: unknown, ...path: readonly string[]): number => Number(path.reduce<unknown>((value, name) => member(value, name), statistics));

export const REST_STATISTICS: readonly ConformanceCase[] = casesOf({ area: "statistics", transport: "rest", prefix: "rest.stats", section: "Statistics extension", extension: "statistics" }, [
  { id: "one", title: "a model of one version has one entry", needs: ["simple"], run: async ({ rest }, check) => { check.equal("entries", (await statisticsOf(rest, "/v2/models/simple/stats")).map((entry) => [member(entry, "name"), member(entry, "version")]), [["simple", "1"]]); } },
  { id: "all", title: "GET v2/models/stats has all models", needs: ["simple"], run: async ({ rest }, check) => { check.equal("simple is there", (await statisticsOf(rest, "/v2/models/stats")).some((entry) => member(entry, "name") === "simple"), true); } },
  { id: "version", title: "a version may be named", needs: ["versioned"], run: async ({ rest }, check) => { check.equal("versions", (await statisticsOf(rest, "/v2/models/versioned/versions/2/stats")).map((entry) => member(entry, "version")), ["2"]); } },
  { id: "counts", title: "inference_count counts rows, success counts requests", needs: ["simple"], run: async ({ rest }, check) => {
    const read = async () => {
      const [entry] = await statisticsOf(rest, "/v2/models/simple/stats");
      return { rows: countOf(entry, "inference_count"), requests: countOf(entry, "inference_stats", "success", "count"), last: countOf(entry, "last_inference") };
    };
    const before = await read();
    await rest.post("/v2/models/simple/infer", simpleRequest("", 3));
    const after = await read();
    check.equal("rows and requests more", [after.rows - before.rows, after.requests - before.requests], [3, 1]);
    check.isTrue("last_inference", after.last > 1_500_000_000_000, { expected: "milliseconds since the epoch", found: after.last });
  } },
  { id: "failures", title: "fail counts what failed", needs: ["failing"], run: async ({ rest }, check) => {
    const read = async () => countOf((await statisticsOf(rest, "/v2/models/failing/stats"))[0], "inference_stats", "fail", "count");
    const before = await read();
    await rest.post("/v2/models/failing/infer", requestText([inputText({ datatype: "FP32", shape: [1, 1], data: "[1]" })]));
    check.equal("failures more", await read() - before, 1);
  } },
  { id: "unknown", title: "of an unknown model there are none", run: async ({ rest }, check) => checkError(check, await rest.get("/v2/models/no_such_model/stats"), [400, 404]) },
]);

const wait = (milliseconds: number, more = ""): string => requestText([inputText({ datatype: "FP32", shape: [1, 1], data: `[${milliseconds}]` })], more);
const SLOW = "/v2/models/slow/infer";

/** A request that keeps the model busy, and a moment for it to arrive. */
async function occupy(rest: RestClient, milliseconds: number): Promise<{ readonly answered: Promise<unknown> }> {
  const answered = rest.post(SLOW, wait(milliseconds));
  await sleep(60);
  return { answered };
}

export const REST_LOAD: readonly ConformanceCase[] = casesOf({ area: "time and load", transport: "rest", prefix: "rest.load", section: "Schedule policy extension", extension: "schedule_policy" }, [
  { id: "timeout", title: "parameter timeout, in microseconds, ends a wait: 503 or 504", needs: ["slow"], run: async ({ rest }, check) => {
    const { answered } = await occupy(rest, 400);
    checkError(check, await rest.post(SLOW, wait(400, `,"parameters":{"timeout":50000}`)), [503, 504]);
    await answered;
  } },
  { id: "timeout-504", title: "and it is 504: the time is up, the server is not down", severity: "advice", needs: ["slow"], run: async ({ rest }, check) => {
    const { answered } = await occupy(rest, 400);
    check.equal("status", (await rest.post(SLOW, wait(400, `,"parameters":{"timeout":50000}`))).status, 504);
    await answered;
  } },
  { id: "queue-full", title: "a full queue is 429 with Retry-After: there is capacity, and it is contended", severity: "advice", needs: ["slow"], run: async ({ rest }, check) => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => rest.post(SLOW, wait(150))));
    const refused = answers.filter(({ status }) => status !== 200);
    check.isTrue("some are answered and some refused", refused.length > 0 && refused.length < answers.length, { expected: "both", found: answers.map(({ status }) => status) });
    for (const answer of refused) {
      check.equal("status", answer.status, 429);
      check.isTrue("retry-after", Number(answer.headers["retry-after"]) > 0, { expected: "seconds", found: answer.headers["retry-after"] });
    }
  } },
  { id: "alive-under-load", title: "health answers while a model works", severity: "advice", needs: ["slow"], run: async ({ rest }, check) => {
    const { answered } = await occupy(rest, 300);
    check.equal("status", (await rest.get("/v2/health/live")).status, 200);
    await answered;
  } },
  { id: "priority", title: "parameter priority is taken", needs: ["simple"], run: async ({ rest }, check) => { check.equal("status", (await rest.post("/v2/models/simple/infer", simpleRequest(`,"parameters":{"priority":1}`))).status, 200); } },
]);
