import assert from "node:assert/strict";
import { test } from "node:test";
import { valueMessage } from "./value-message.ts";

test("a feature's list is a list message of its kind, without the places that are missing at its end", () => {
  assert.deepEqual(valueMessage([3, 2, null], false), { int64_list_val: { val: [3, 2] } });
  assert.deepEqual(valueMessage([3, 2.5], false), { double_list_val: { val: [3, 2.5] } });
  assert.deepEqual(valueMessage([3, 2], true), { double_list_val: { val: [3, 2] } });
  assert.deepEqual(valueMessage(["FR", null], false), { string_list_val: { val: ["FR"] } });
  assert.deepEqual(valueMessage([true, false], false), { bool_list_val: { val: [true, false] } });
  assert.deepEqual(valueMessage(null, true), {});
});
