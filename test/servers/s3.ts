/**
 * A server that speaks the S3 API on temporary data: Versity's gateway over a folder (Apache-2.0), built from the Go module
 * proxy into the temporary folder once. Without Go there is none, and the reason is told.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { acceptsConnections, findProgram, freePort, startServer, type ServerProcess } from "./process.ts";

const run = promisify(execFile);

/** Pinned, so that a test means the same tomorrow. */
const MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";

export interface S3Server extends AsyncDisposable {
  readonly process: ServerProcess;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Folder in which each bucket is a folder of objects. */
  readonly folder: string;
  /** Makes an empty bucket and gives its name. */
  newBucket(): Promise<string>;
}

/** The server, or in a sentence why there is none. */
export async function openS3Server(): Promise<{ readonly server: S3Server } | { readonly obstacle: string }> {
  const program = await installGateway();
  if (typeof program === "object") return program;
  const folder = await mkdtemp(join(tmpdir(), "strata-s3-"));
  const buckets = join(folder, "buckets");
  const [data, metadata] = [buckets, join(folder, "metadata")];
  for (const path of [data, metadata]) await mkdir(path);
  const port = await freePort();
  const credentials = { accessKeyId: "strata-test", secretAccessKey: "strata-test-secret" };
  const server = await startServer({
    program, words: ["--port", `127.0.0.1:${port}`, "posix", "--sidecar", metadata, data], folder,
    environment: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    answers: () => acceptsConnections(port),
  });
  let count = 0;
  return {
    server: {
      process: server, endpoint: `http://127.0.0.1:${port}`, credentials, folder: data,
      newBucket: async () => {
        const name = `place-${++count}`;
        await mkdir(join(data, name));
        return name;
      },
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      },
    },
  };
}

async function installGateway(): Promise<string | { readonly obstacle: string }> {
  const folder = join(tmpdir(), `strata-versitygw-${MODULE.split("@")[1]}`);
  const program = join(folder, "versitygw");
  if (existsSync(program)) return program;
  const go = findProgram("go", ["/usr/local/go/bin"]);
  if (go === undefined) return { obstacle: "there is no Go to build an S3 server (github.com/versity/versitygw) with" };
  const work = await mkdtemp(join(tmpdir(), "strata-go-"));
  const environment = { ...process.env, GOPATH: join(work, "path"), GOCACHE: join(work, "cache"), GOBIN: work, GOFLAGS: "-modcacherw", CGO_ENABLED: "0" };
  try {
    await run(go, ["install", MODULE], { env: environment, timeout: 300_000 });
    await mkdir(folder, { recursive: true });
    await rename(join(work, "versitygw"), program);
    return program;
  } catch (thrown) {
    return { obstacle: `an S3 server could not be built from ${MODULE}: ${String(thrown).slice(0, 300)}` };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
