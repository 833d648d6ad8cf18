#!/usr/bin/env node
/**
 * The `strata` program: the one file of the command line that touches the process. It checks the version of Node
 * before it loads anything else, because newer syntax or modules would fail first with a worse message.
 */
import { enableCompileCache } from "node:module";
import process from "node:process";
import { nodeVersionProblem } from "./node-version.ts";

const problem = nodeVersionProblem(process.versions.node);
if (problem === undefined) {
  enableCompileCache(); // a second start skips compiling some 300 modules
  const { runProcess } = await import("./process.ts");
  await runProcess(process);
} else {
  process.stderr.write(`error ${problem}\n`);
  process.exitCode = 1;
}
