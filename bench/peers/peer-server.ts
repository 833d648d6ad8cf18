/**
 * A server of the comparison: starts its command, waits for its first right answer, tells what all its processes use,
 * and ends every one of them, also when this program fails.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { membersOf, usageOf } from "./process-tree.ts";
import type { TreeUsage } from "./process-tree.ts";

export interface PeerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface PeerServer extends AsyncDisposable {
  readonly port: number;
  /** From the start of the process to its first right answer. */
  readonly coldStartMs: number;
  readonly pid: number;
  usage(): TreeUsage;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  readonly port: number;
  /** Whether it answers rightly; a refused connection is "not yet". */
  readonly isReady: () => Promise<boolean>;
}

const START_LIMIT_MS = 90_000;
const PROBE_EVERY_MS = 10;
const END_LIMIT_MS = 6_000;
const OUTPUT_KEPT = 4_000;

const running = new Map<number, string>();
process.on("exit", () => {
  for (const [pid, mark] of running) for (const member of membersOf(pid, mark)) kill(member, "SIGKILL");
});

export async function startPeer({ command, args, cwd, environment }: PeerCommand, { name, port, isReady }: StartOptions): Promise<PeerServer> {
  const mark = `PEER_BENCH_MARK=${randomUUID()}`;
  const startedAtMs = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...environment, PEER_BENCH_MARK: mark.slice(mark.indexOf("=") + 1) }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "", ended: string | undefined;
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => { output = (output + chunk.toString()).slice(-OUTPUT_KEPT); });
  child.once("error", (thrown) => { ended = thrown.message; });
  child.once("exit", (code, signal) => { ended ??= `exit ${code ?? signal}`; });
  const pid = child.pid ?? -1;
  running.set(pid, mark);
  const close = async (): Promise<void> => {
    await endAll(pid, mark);
    running.delete(pid);
  };
  try {
    while (!await isReady().catch(() => false)) {
      if (ended !== undefined) throw new Error(`${name} ended before it answered (${ended}): ${output.slice(-600)}`);
      if (performance.now() - startedAtMs > START_LIMIT_MS) throw new Error(`${name} did not answer within ${START_LIMIT_MS / 1000} s: ${output.slice(-600)}`);
      await sleep(PROBE_EVERY_MS);
    }
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { port, pid, coldStartMs: performance.now() - startedAtMs, usage: () => usageOf(pid, mark), close, [Symbol.asyncDispose]: close };
}

async function endAll(pid: number, mark: string): Promise<void> {
  const members = new Set(membersOf(pid, mark));
  kill(pid, "SIGTERM");
  const giveUpAtMs = performance.now() + END_LIMIT_MS;
  let isRootGone = false;
  while (performance.now() < giveUpAtMs && [...members].some(isAlive)) {
    if (!isRootGone && !isAlive(pid)) for (const member of members) kill(member, "SIGTERM"); // what it left behind
    isRootGone ||= !isAlive(pid);
    await sleep(50);
  }
  for (const member of new Set([...members, ...membersOf(pid, mark)])) kill(member, "SIGKILL");
  await sleep(100); // the kernel frees its port
}

function isAlive(pid: number): boolean {
  return kill(pid, 0);
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (pid <= 1) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it has ended
  }
}

/** A port that was free a moment ago, below the range that client sockets take theirs from. */
export async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5_000); ; port++) if (await isFree(port)) return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => {
      const { port: found } = server.address() as AddressInfo; // a TCP server has a TCP address
      server.close(() => resolve(found === port));
    });
  });
}
