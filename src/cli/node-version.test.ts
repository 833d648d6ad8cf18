import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeVersionProblem } from "./node-version.ts";

test("versions from 22.18 on will do", () => {
  for (const version of ["22.18.0", "22.20.1", "23.0.0", "24.21.0", "100.0.0", "25.0.0-nightly"]) assert.equal(nodeVersionProblem(version), undefined, version);
});

test("older ones are refused with what to do", () => {
  for (const version of ["18.20.5", "20.20.2", "22.17.9", "22.9.0"]) {
    assert.match(nodeVersionProblem(version) ?? "", new RegExp(`^Strata needs Node.js 22.18 or newer, and this is ${version}\\. Install `));
  }
});
