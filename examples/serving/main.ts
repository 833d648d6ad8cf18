/**
 * One command: node --conditions=source examples/serving/main.ts [--once] [--port <port>] [--data-dir <folder>]
 * Starts the help desk with its upstreams, sends traffic and goes on until Ctrl-C; with --once it prints a summary and exits.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runHelpdesk } from "./helpdesk.ts";

const { values } = parseArgs({ options: { once: { type: "boolean", default: false }, port: { type: "string" }, "data-dir": { type: "string" } } });
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());

const temporary = values["data-dir"] === undefined ? await mkdtemp(join(tmpdir(), "strata-serving-")) : undefined;
try {
  const { summary, url } = await runHelpdesk({
    dataDir: values["data-dir"] ?? temporary!, port: Number(values.port ?? (values.once ? 0 : 4180)), isEndless: !values.once, signal: stop.signal, say: (text) => console.log(text),
  });
  const width = Math.max(...summary.map(([what]) => what.length));
  console.log();
  for (const [what, result] of summary) console.log(`${what.padEnd(width)}  ${result}`);
  console.log(`${"console".padEnd(width)}  ${url}`);
} finally {
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
}
