import assert from "node:assert/strict";
import { test } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import { usageError } from "./arguments.ts";
import { parseFields, parseRequest } from "./request-argument.ts";
import type { JsonSchema } from "./schema-value.ts";

const refuse = (reason: string) => usageError("strata predict", reason);
const schema: JsonSchema = { type: "object", properties: { customer: { type: "string" }, amount: { type: "number" }, basket: { type: "array" } } };
const request = (...words: readonly string[]) => parseRequest(words, { schema, usageError: refuse });

function refused(work: () => unknown, message: RegExp): void {
  assert.throws(work, (thrown) => isStrataError(thrown) && thrown.code === "USAGE" && message.test(thrown.message));
}

test("fields are read by the schema, and by their look where it does not know them", () => {
  assert.deepEqual(request("customer=10001", "amount=12.5", "note=a=b", "flag=true"), { customer: "10001", amount: 12.5, note: "a=b", flag: true });
  assert.deepEqual(request(), {});
});

test("a list is a field given several times", () => {
  assert.deepEqual(request("basket=P1"), { basket: ["P1"] });
  assert.deepEqual(request("basket=P1", "basket=P2"), { basket: ["P1", "P2"] });
  assert.deepEqual(request("basket=[\"P1\",\"P2\"]", "basket=P3"), { basket: ["P1", "P2", "P3"] });
});

test("one JSON object is the whole request", () => {
  assert.deepEqual(request(" {\"customer\": 5}"), { customer: 5 });
});

test("what is neither is refused with the word", () => {
  refused(() => request("customer"), /"customer" is not name=value\./);
  refused(() => request("=5"), /"=5" is not name=value\./);
  refused(() => request("{\"customer\": "), /is not valid JSON: /);
  refused(() => request("customer=1", "customer=2"), /customer is given 2 times\./);
});

test("keys stay text", () => {
  assert.deepEqual(parseFields(["customer=007", "item=1e5"], refuse), { customer: "007", item: "1e5" });
  refused(() => parseFields(["customer=1", "customer=2"], refuse), /customer is given twice\./);
});
