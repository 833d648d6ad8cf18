/** A Valkey or Redis server on temporary data, durable by default: every write is synced before it is answered. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptsConnections, findProgram, freePort, installPackages, startServer, type ServerProcess } from "./process.ts";

export interface ValkeyServer extends AsyncDisposable {
  readonly process: ServerProcess;
  readonly url: string;
}

const DURABLE = { appendonly: "yes", appendfsync: "always", save: "" };

/** The server, or in a sentence why there is none. */
export async function openValkeyServer(settings: Readonly<Record<string, string>> = {}): Promise<{ readonly server: ValkeyServer } | { readonly obstacle: string }> {
  const installed = (): string | undefined => findProgram("valkey-server") ?? findProgram("redis-server");
  if (installed() === undefined) {
    const obstacle = await installPackages(["redis-server"]);
    if (obstacle !== undefined) return { obstacle };
  }
  const program = installed();
  if (program === undefined) return { obstacle: "redis-server is installed, but was not found" };
  const folder = await mkdtemp(join(tmpdir(), "strata-valkey-"));
  const port = await freePort();
  const words = Object.entries({ port: String(port), bind: "127.0.0.1", dir: folder, ...DURABLE, ...settings }).flatMap(([name, value]) => [`--${name}`, value]);
  const server = await startServer({ program, words, folder, answers: () => acceptsConnections(port) });
  return {
    server: {
      process: server, url: `redis://127.0.0.1:${port}`,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      },
    },
  };
}
