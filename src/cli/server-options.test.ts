import assert from "node:assert/strict";
import { test } from "node:test";
import { openApiClient } from "./server-options.ts";

const address = (url: string | undefined, environment: Record<string, string> = {}): string =>
  openApiClient({ environment, options: { url, timeout: 1_000 } }).url;

test("the address comes from the option, else the environment, else the default", () => {
  assert.equal(address("http://a:1", { STRATA_URL: "http://b:2" }), "http://a:1");
  assert.equal(address(undefined, { STRATA_URL: "b:2" }), "http://b:2");
  assert.equal(address(undefined), "http://127.0.0.1:4180");
});
