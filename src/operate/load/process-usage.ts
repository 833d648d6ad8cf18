/**
 * What a server on this machine costs, read from /proc (proc(5)): CPU of a process and everything it started, and its
 * memory. Finds the process that listens on a port, so that nobody has to look it up. Linux only; elsewhere undefined.
 */
import { readdir, readFile, readlink } from "node:fs/promises";

export interface ProcessUsage {
  readonly pids: readonly number[];
  /** User and system time so far, also of children that have ended. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** The kernel counts in ticks of 1/100 s on every architecture Node runs on (sysconf(_SC_CLK_TCK)). */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/**
 * Undefined when none of the processes can be read. This process's own children (generators) never count: a server that
 * started the load test, as in a test, is their parent, too.
 */
export async function readProcessUsage(roots: readonly number[], own = process.pid): Promise<ProcessUsage | undefined> {
  const parents = await parentsOf();
  const ours = new Set(withDescendants([own], parents));
  const pids = withDescendants(roots, parents).filter((pid) => roots.includes(pid) || !ours.has(pid));
  const readings = (await Promise.all(pids.map(readStat))).filter((reading) => reading !== undefined);
  if (readings.length === 0) return undefined;
  return {
    pids: readings.map(({ pid }) => pid),
    cpuMs: readings.reduce((sum, { ticks }) => sum + ticks * TICK_MS, 0), rssBytes: readings.reduce((sum, { pages }) => sum + pages * PAGE_BYTES, 0),
  };
}

/** Processes that listen on the port and that this user may look into; empty when there are none. */
export async function findListeners(port: number): Promise<readonly number[]> {
  const sockets = new Set((await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map(textOf))).flatMap((table) => listeningInodes(table, port)));
  if (sockets.size === 0) return [];
  const found: number[] = [];
  for (const pid of await pidsOf()) {
    if (await holdsOne(pid, sockets)) found.push(pid);
  }
  return found;
}

/** Inodes of sockets in state LISTEN (0A) on a port, from a table of /proc/net. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").slice(1).flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return local?.endsWith(wanted) === true && state === "0A" && inode !== undefined ? [inode] : [];
  });
}

/** Fields of /proc/<pid>/stat; the name may contain spaces and parentheses, so they are counted from its end. */
export function parseStat(text: string): { readonly parent: number; readonly ticks: number; readonly pages: number } | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [utime, stime, childUtime, childStime] = [fields[11], fields[12], fields[13], fields[14]];
  const [parent, pages] = [fields[1], fields[21]];
  if (parent === undefined || pages === undefined || utime === undefined || stime === undefined || childUtime === undefined || childStime === undefined) return undefined;
  return { parent, ticks: utime + stime + childUtime + childStime, pages };
}

async function readStat(pid: number): Promise<{ readonly pid: number; readonly parent: number; readonly ticks: number; readonly pages: number } | undefined> {
  const stat = parseStat(await textOf(`/proc/${pid}/stat`));
  return stat === undefined ? undefined : { pid, ...stat };
}

async function parentsOf(): Promise<ReadonlyMap<number, number>> {
  const readings = await Promise.all((await pidsOf()).map(readStat));
  return new Map(readings.flatMap((reading) => (reading === undefined ? [] : [[reading.pid, reading.parent] as const])));
}

function withDescendants(roots: readonly number[], parents: ReadonlyMap<number, number>): readonly number[] {
  const all = new Set(roots);
  for (let grown = -1; grown !== all.size;) {
    grown = all.size;
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
  }
  return [...all];
}

async function holdsOne(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const name of names) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => "");
    if (target.startsWith("socket:[") && inodes.has(target.slice(8, -1))) return true;
  }
  return false;
}

async function pidsOf(): Promise<readonly number[]> {
  return (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
}

const textOf = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");
