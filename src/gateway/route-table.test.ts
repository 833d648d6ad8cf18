import assert from "node:assert/strict";
import { test } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import { createAdmission, createRouteTable } from "./index.ts";

const table = createRouteTable([
  { method: "GET", pattern: "/v1/models/:model", summary: "", handle: "show" },
  { method: "POST", pattern: "/v1/models/:model/train", summary: "", handle: "train" },
  { method: "GET", pattern: "/v1/models", summary: "", handle: "list" },
]);
const codeOf = (thrown: unknown): string => (isStrataError(thrown) ? thrown.code : String(thrown));

test("patterns match whole paths, decode parameters and ignore slashes at the end", () => {
  assert.deepEqual(table.match("GET", "/v1/models/a%20b")?.parameters, { model: "a b" });
  assert.equal(table.match("GET", "/v1/models/")?.route.handle, "list");
  assert.equal(table.match("HEAD", "/v1/models")?.route.handle, "list");
  assert.equal(table.match("GET", "/v1/models/a/b"), undefined);
});

test("a known path with another method, or a broken escape, is a coded error", () => {
  assert.throws(() => table.match("DELETE", "/v1/models/a"), (thrown) => codeOf(thrown) === "METHOD_NOT_ALLOWED");
  assert.throws(() => table.match("GET", "/v1/models/%zz"), (thrown) => codeOf(thrown) === "REQUEST_INVALID");
});

test("admission refuses beyond its limit and recovers, also after failures", async () => {
  const admission = createAdmission({ maxInFlight: 1 });
  const gate = Promise.withResolvers<void>();
  const first = admission.admit(() => gate.promise);
  assert.equal(await admission.admit(() => Promise.resolve()).catch(codeOf), "OVERLOADED");
  gate.resolve();
  await first;
  assert.equal(await admission.admit(() => Promise.reject(new Error("no"))).catch(codeOf), "Error: no");
  assert.equal(await admission.admit(() => Promise.resolve("yes")), "yes");
  assert.equal(admission.inFlight(), 0);
});
