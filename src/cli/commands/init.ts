/** `strata init`: a small project that works, to start from. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { defineCommand } from "../command.ts";
import { packageName, projectFiles, type ProjectFile } from "../project-template/project-files.ts";
import { formatBytes } from "../terminal/format.ts";
import { strataVersion } from "../../platform/version.ts";

interface WrittenProject {
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** What to type next, in order. */
  readonly next: readonly string[];
}

export const command = defineCommand({
  name: "init",
  summary: "Write a small working project: definition, events, README",
  description: "A food delivery predicts its delivery times: a stream, features over windows, a model with gates, an endpoint with outcomes, and four weeks of made-up events to learn from. Files that are there already are not touched without --force.",
  options: { force: { type: "boolean", description: "Write over files that are there already" } },
  positionals: { folder: { description: "Where to write it (default: this folder)", optional: true } },
  examples: [
    { command: "strata init deliveries", note: "a new folder" },
    { command: "strata init . --force", note: "this folder, whatever it holds" },
  ],
  run: async ({ positionals, options, workingDirectory, clock }): Promise<WrittenProject> => {
    const folder = resolve(workingDirectory, positionals.folder ?? ".");
    const files = projectFiles({ name: packageName(basename(folder)), strataVersion: strataVersion(), nowMs: clock.now() });
    const shown = relative(workingDirectory, folder) || ".";
    const taken = files.map(({ path }) => path).filter((path) => existsSync(join(folder, path)));
    if (taken.length > 0 && !options.force) throw new StrataError("FILE_EXISTS", { folder: shown === "." ? "This folder" : `The folder ${shown}`, files: taken.join(", ") });
    for (const file of files) await writeProjectFile(folder, file);
    return {
      folder: shown, files: files.map(({ path, text }) => ({ path, sizeBytes: Buffer.byteLength(text) })),
      next: [
        ...(shown === "." ? [] : [`cd ${shown}`]), "npm install", "npx strata up",
        "npx strata ingest deliveries events.ndjson --backfill", "npx strata train eta", "npx strata predict eta courier=c-03 restaurant=r-07",
      ],
    };
  },
  render: ({ folder, files, next }, { terminal }) => {
    terminal.print(`Wrote to ${terminal.palette.bold(folder)}:`);
    terminal.pairs(files.map(({ path, sizeBytes }) => [`  ${path}`, formatBytes(sizeBytes)] as const));
    terminal.print();
    terminal.print("Then, with `strata up` in a terminal of its own:");
    for (const line of next) terminal.print(`  ${terminal.palette.cyan(line)}`);
  },
});

async function writeProjectFile(folder: string, { path, text }: ProjectFile): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, path), text);
  } catch (thrown) {
    throw new StrataError("FILE_UNWRITABLE", { path: join(folder, path), reason: reasonOf(thrown) }, { cause: thrown });
  }
}
