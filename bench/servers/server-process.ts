/** The parent's side of a server under test: starts it, waits until it listens, asks what it used, and ends it. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { z } from "strata";

export interface ServerUsage {
  /** User and system time of all threads since the start. */
  readonly cpuMs: number;
  /** The part of it that ran JavaScript: while it is busy nothing else is answered. */
  readonly mainThreadCpuMs: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

export interface ServerOptions {
  /** File beside this one, or the path of a copy elsewhere. */
  readonly script: string;
  /** The script imports an installed package instead of the sources. */
  readonly isInstalled?: boolean;
  readonly args?: readonly string[];
}

export interface ServerProcess extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** From the start of the process until it said that it listens. */
  readonly readyMs: number;
  usage(): Promise<ServerUsage>;
  ask<Schema extends z.ZodType>(command: string, argument: unknown, answer: Schema): Promise<z.output<Schema>>;
  close(): Promise<void>;
}

const usageSchema = z.object({ cpuMs: z.number(), mainThreadCpuMs: z.number(), rssBytes: z.number(), peakRssBytes: z.number() });
const readySchema = z.object({ url: z.url() });
const replySchema = z.object({ number: z.number(), result: z.unknown().optional(), problem: z.string().optional() });

/** Long enough to write what is still only in memory after a heavy load. */
const CLOSE_DEADLINE_MS = 30_000;

export async function openServerProcess({ script, args = [], isInstalled = false }: ServerOptions): Promise<ServerProcess> {
  const startedAtMs = performance.now();
  const child = fork(resolve(import.meta.dirname, script), args, { execArgv: isInstalled ? [] : ["--conditions=source"] });
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  const url = new URL((await firstMessage(child, script)).url);
  const readyMs = performance.now() - startedAtMs;

  let number = 0;
  const ask: ServerProcess["ask"] = (command, argument, answer) => new Promise((succeed, reject) => {
    const own = number++;
    const settle = (act: () => void): void => {
      child.off("message", onMessage).off("exit", onExit);
      act();
    };
    const onExit = (code: number | null): void => settle(() => reject(new Error(`${script} ended with code ${code} while asked to ${command}`)));
    const onMessage = (message: unknown): void => {
      const reply = replySchema.parse(message);
      if (reply.number !== own) return;
      const answered = answer.safeParse(reply.result);
      settle(() => {
        if (reply.problem !== undefined) reject(new Error(`${script}, ${command}: ${reply.problem}`));
        else if (answered.success) succeed(answered.data);
        else reject(new Error(`${script} answered ${command} with ${JSON.stringify(reply.result)}: ${answered.error.message}`));
      });
    };
    child.on("message", onMessage).once("exit", onExit);
    child.send({ number: own, command, argument });
  });
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    const killing = setTimeout(() => child.kill("SIGKILL"), CLOSE_DEADLINE_MS);
    await ended;
    clearTimeout(killing);
  };
  return { host: url.hostname, port: Number(url.port), readyMs, usage: () => ask("usage", undefined, usageSchema), ask, close, [Symbol.asyncDispose]: close };
}

function firstMessage(child: ChildProcess, script: string): Promise<z.output<typeof readySchema>> {
  return new Promise((succeed, reject) => {
    child.once("message", (message) => succeed(readySchema.parse(message)));
    child.once("exit", (code) => reject(new Error(`${script} ended with code ${code} before it listened`)));
  });
}
