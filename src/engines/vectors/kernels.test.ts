/** The committed kernels are those of kernels.wat. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileKernels, kernelFile } from "../../../scripts/vector-kernels.ts";

test("the committed bytes are what kernels.wat compiles to", async () => {
  assert.equal(readFileSync(new URL("kernel-bytes.ts", import.meta.url), "utf8"), kernelFile(await compileKernels()));
});
