/**
 * A NATS server with JetStream for tests: the released program, built once by the Go toolchain into the system's
 * temporary folder, on a data folder of its own.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { acceptsConnections, findProgram, freePort, startServer } from "./process.ts";
import type { ServerProcess } from "./process.ts";

const VERSION = "v2.12.2";

export interface NatsServer extends ServerProcess {
  readonly url: string;
  readonly port: number;
}

/** Path of nats-server; undefined, with the reason, where it cannot be had. */
export async function natsProgram(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const found = findProgram("nats-server");
  if (found !== undefined && process.env["STRATA_TEST_NATS"] !== undefined) return { program: found };
  const folder = join(tmpdir(), "strata-servers", "nats");
  const program = join(folder, "nats-server");
  if (existsSync(program)) return { program };
  const go = findProgram("go", ["/usr/local/go/bin"]);
  if (go === undefined) return { missing: "there is neither nats-server nor a Go toolchain to build it" };
  try {
    await mkdir(folder, { recursive: true });
    await promisify(execFile)(go, ["install", `github.com/nats-io/nats-server/v2@${VERSION}`], { env: { ...process.env, GOBIN: folder }, timeout: 300_000 });
    return { program };
  } catch (thrown) {
    return { missing: `nats-server ${VERSION} could not be built: ${String(thrown).slice(0, 200)}` };
  }
}

/** Starts a server; `syncAlways` (the default) makes it sync before it acknowledges. */
export async function startNats(program: string, { syncAlways = true, maxPayloadBytes = 1_048_576 }: { readonly syncAlways?: boolean; readonly maxPayloadBytes?: number } = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), "strata-nats-"));
  const port = await freePort();
  const file = join(folder, "server.conf");
  await writeFile(file, `listen: 127.0.0.1:${port}\nmax_payload: ${maxPayloadBytes}\njetstream {\n  store_dir: "${folder}/data"\n${syncAlways ? "  sync_interval: always\n" : ""}}\n`);
  const server = await startServer({ program, words: ["-c", file], answers: () => acceptsConnections(port) });
  return {
    ...server, port, url: `nats://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
