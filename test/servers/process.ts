/**
 * A server of somebody else in a test: started on temporary data, waited for until it answers, killed without warning
 * and started again on the same data. What a test starts is gone when it ends, also when the test process dies.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface ServerProcess extends AsyncDisposable {
  /** SIGKILL to the server and its children; resolves when they are gone. */
  kill(): Promise<void>;
  /** Starts again with the same words on the same data, and waits until it answers. */
  start(): Promise<void>;
  /** SIGTERM, or the signal the server stops cleanly by; resolves when it ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** What it printed last, for a failing test. */
  readonly output: () => string;
}

export interface ServerProcessOptions {
  readonly program: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Servers that refuse to run as root run as this user. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Whether it can be used; asked again until it says true. Rejecting counts as no. */
  readonly answers: () => Promise<boolean>;
  readonly timeoutMs?: number;
}

const KEPT_OUTPUT = 8_000;

/** Starts it and waits until it answers. A server that ends at once is started again until the time is over (its old self may still hold the data). */
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const { program, words, environment, folder, user, answers, timeoutMs = 30_000 } = options;
  let child: ChildProcess | undefined;
  let printed = "";
  const dieTogether = (): void => { for (const pid of family(child)) killQuietly(pid); };
  process.on("exit", dieTogether);

  const launch = (): ChildProcess => {
    const launched = spawn(program, [...words], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment }, ...(folder === undefined ? {} : { cwd: folder }), ...user });
    const keep = (text: string): void => { printed = (printed + text).slice(-KEPT_OUTPUT); };
    launched.stdout.setEncoding("utf8").on("data", keep);
    launched.stderr.setEncoding("utf8").on("data", keep);
    launched.on("error", (error) => keep(String(error)));
    return launched;
  };
  const start = async (): Promise<void> => {
    const deadline = performance.now() + timeoutMs;
    child = launch();
    while (!await answers().catch(() => false)) {
      if (performance.now() > deadline) {
        dieTogether();
        throw new Error(`${program} did not answer within ${timeoutMs} ms:\n${printed}`);
      }
      await sleep(30);
      if (hasEnded(child)) {
        await sleep(100);
        child = launch();
      }
    }
  };
  const end = async (signal: (process: ChildProcess) => void): Promise<void> => {
    if (child === undefined || hasEnded(child)) return;
    const closed = once(child, "close");
    signal(child);
    await closed;
  };
  const kill = (): Promise<void> => end(dieTogether);
  const server: ServerProcess = {
    kill, start,
    stop: (signal = "SIGTERM") => end((running) => running.kill(signal)),
    output: () => printed,
    [Symbol.asyncDispose]: async () => {
      await kill();
      process.off("exit", dieTogether);
    },
  };
  await start();
  return server;
}

const hasEnded = ({ exitCode, signalCode, pid }: ChildProcess): boolean => exitCode !== null || signalCode !== null || pid === undefined;

/** The process and its children: some servers fork, and the forks outlive a SIGKILL of their parent for a while. */
function family(child: ChildProcess | undefined): readonly number[] {
  if (child?.pid === undefined || hasEnded(child)) return [];
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
    return [child.pid, ...children.split(" ").filter((pid) => pid !== "").map(Number)];
  } catch {
    return [child.pid]; // no /proc here
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it is gone already
  }
}

/** A TCP port that was free a moment ago, below the range that outgoing connections use. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer().listen(port, "127.0.0.1");
    const isFree = await Promise.race([once(probe, "listening").then(() => true), once(probe, "error").then(() => false)]);
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** Whether something accepts connections there. */
export async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect"); // rejects on "error"
    return true;
  } finally {
    socket.destroy();
  }
}

/** Path of a program, also in folders that are not in PATH; undefined where there is none. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  try {
    return execFileSync("sh", ["-c", 'command -v -- "$0"', name], { encoding: "utf8", env: { ...process.env, PATH: [...folders, process.env["PATH"]].join(":") } }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Installs Debian packages; says in a sentence what prevents it, or nothing when they are there. */
export async function installPackages(packages: readonly string[]): Promise<string | undefined> {
  if (findProgram("apt-get") === undefined) return `there is no apt-get to install ${packages.join(", ")}`;
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const aptGet = async (...words: readonly string[]): Promise<unknown> => {
    const [program = "", ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...words];
    return run(program, rest, { timeout: 240_000 });
  };
  const install = (): Promise<unknown> => aptGet("install", "-y", "--no-install-recommends", ...packages);
  try {
    await install().catch(() => aptGet("update").then(install)); // a fresh container has no package lists
    return undefined;
  } catch (thrown) {
    return `${packages.join(", ")} could not be installed: ${String(thrown).slice(0, 300)}`;
  }
}
