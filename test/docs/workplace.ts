/**
 * The place where the guides' examples run: a folder in which `import "strata"` finds this package, the project that
 * `strata init` writes, a server started by `strata up` on it, and the commands `npx` and `curl` as the guides use them.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { createRecordedHost } from "../../src/cli/recorded-host.ts";
import { systemClock } from "../../src/kernel/clock.ts";

/** The address that the guides write. */
export const DOCUMENTED_URL = "http://127.0.0.1:4180";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workplace extends AsyncDisposable {
  readonly folder: string;
  /** What `strata init deliveries` wrote. */
  readonly project: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs a program in the project's folder; addresses in the words lead to the running server. */
  run(program: string, words: readonly string[]): Promise<Outcome>;
  /** The text with the running server's address in place of the documented one. */
  addressed(text: string): string;
}

export async function openWorkplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), "strata-guides-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "strata"), "dir");
  for (const name of ["onnxruntime-node", "onnxruntime-common"]) await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name), "dir");
  await writePrograms(join(folder, "bin"));
  const { outcome } = runCommand(["init", "deliveries"], folder);
  if (await outcome !== 0) throw new Error("strata init failed");
  const project = join(folder, "deliveries");
  let server: Server | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop();
    server = undefined;
  };
  const addressed = (text: string): string => (server === undefined ? text : text.replaceAll(DOCUMENTED_URL, server.url));
  return {
    folder, project, stop, addressed,
    start: async () => { server = await startServer(project); },
    run: (program, words) => execute(program, words.map(addressed), {
      cwd: project,
      env: {
        ...process.env, NO_COLOR: "1", STRATA_PORT: "0", NODE_COMPILE_CACHE: join(folder, "cache"), // the same sources are loaded some thirty times
        PATH: [join(folder, "bin"), dirname(process.execPath), process.env["PATH"]].join(delimiter), STRATA_URL: addressed(DOCUMENTED_URL),
      },
    }),
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** `npx strata …` is this repository's program, `curl` tells the status in a last line. */
async function writePrograms(folder: string): Promise<void> {
  await mkdir(folder);
  const programs = {
    npx: `shift\nexec "${process.execPath}" --conditions=source "${join(ROOT, "src/cli/main.ts")}" "$@"`,
    curl: "PATH=\"${PATH#*:}\" exec curl -sS -w '\\n%{http_code}' \"$@\"",
  };
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

async function startServer(project: string): Promise<Server> {
  const ready = Promise.withResolvers<string>();
  const { host, outcome } = runCommand(["up"], project, (text) => {
    const [, url] = /console +(http:\S+)\//.exec(text) ?? [];
    if (url !== undefined) ready.resolve(url);
  });
  void outcome.then((status) => ready.reject(new Error(`strata up ended with ${status}: ${host.errors()}`)));
  const url = await ready.promise;
  return {
    url,
    stop: async () => {
      host.interrupt();
      await outcome;
    },
  };
}

function runCommand(words: readonly string[], workingDirectory: string, onOutput: (text: string) => void = () => undefined) {
  const host = createRecordedHost({ workingDirectory, clock: systemClock, environment: { STRATA_PORT: "0" }, stdout: { write: onOutput } });
  return { host, outcome: runCommandLine(words, host) };
}

function execute(program: string, words: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, words, { ...options, timeout: 30_000, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ status, stdout, stderr: error !== null && typeof error.code !== "number" ? `${stderr}${error.message}` : stderr });
    });
  });
}
