/** A PostgreSQL server on temporary data: Debian's package, or whatever is installed. Each place in a test gets a database of its own. */
import { execFile, execFileSync } from "node:child_process";
import { chown, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, freePort, installPackages, startServer, type ServerProcess } from "./process.ts";

const run = promisify(execFile);

export interface PostgresServer extends AsyncDisposable {
  readonly process: ServerProcess;
  readonly port: number;
  /** Makes an empty database and gives its address. */
  newDatabase(): Promise<string>;
}

/** The server, or in a sentence why there is none. */
export async function openPostgresServer(settings: Readonly<Record<string, string>> = {}): Promise<{ readonly server: PostgresServer } | { readonly obstacle: string }> {
  if (await programFolder() === undefined) {
    const obstacle = await installPackages(["postgresql"]);
    if (obstacle !== undefined) return { obstacle };
  }
  const programs = await programFolder();
  if (programs === undefined) return { obstacle: "PostgreSQL is installed, but initdb was not found" };
  const user = serverUser();
  if (process.getuid?.() === 0 && user === undefined) return { obstacle: "PostgreSQL refuses to run as root, and there is no user postgres" };

  const folder = await mkdtemp(join(tmpdir(), "strata-postgres-"));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  await run(join(programs, "initdb"), ["--pgdata", data, "--username", "strata", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"], { ...user, cwd: folder });
  const port = await freePort();
  const lines = { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "", max_connections: "200", shared_buffers: "32MB", ...settings };
  await writeFile(join(data, "postgresql.auto.conf"), Object.entries(lines).map(([name, value]) => `${name} = '${value}'\n`).join(""));
  const server = await startServer({
    program: join(programs, "postgres"), words: ["-D", data], folder, ...(user === undefined ? {} : { user }),
    answers: () => run(join(programs, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(port), "-U", "strata", "-d", "postgres"]).then(() => true),
  });
  let count = 0;
  return {
    server: {
      process: server, port,
      newDatabase: async () => {
        const name = `place_${++count}`;
        await run(join(programs, "createdb"), ["-h", "127.0.0.1", "-p", String(port), "-U", "strata", name]);
        return `postgres://strata@127.0.0.1:${port}/${name}`;
      },
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      },
    },
  };
}

/** Debian keeps the server's programs out of PATH, one folder per version. */
async function programFolder(): Promise<string | undefined> {
  const versions = await readdir("/usr/lib/postgresql").catch(() => [] as string[]);
  const folders = versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`);
  const initdb = findProgram("initdb", folders);
  return initdb === undefined ? undefined : join(initdb, "..");
}

function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  try {
    return { uid: idOf("-u"), gid: idOf("-g") };
  } catch {
    return undefined;
  }
}
