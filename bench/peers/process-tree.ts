/**
 * What a server costs that is several processes, read from /proc: CPU of all of them with children that have ended, and
 * memory with shared pages counted once. Linux only.
 *
 * A process belongs to the tree when a mark is in its environment, or its parent or its session belongs: some servers
 * detach their workers, some overwrite their environment with a title.
 */
import { readFileSync, readdirSync } from "node:fs";

export interface TreeUsage {
  /** User and system time since the start, of ended children too. */
  readonly cpuMs: number;
  /** Proportional set size: a page that n processes share counts 1/n in each. */
  readonly pssBytes: number;
  readonly rssBytes: number;
  readonly processes: number;
}

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly cpuTicks: number;
}

/** USER_HZ, which Linux reports to programs as 100 on every common machine. */
const TICK_MS = 10;

/** The processes of the tree that run now. */
export function membersOf(root: number, mark: string): readonly number[] {
  const rows = new Map(readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => Number(name)).flatMap((pid) => {
    const row = rowOf(pid);
    return row === undefined ? [] : [[pid, row] as const];
  }));
  const members = new Set<number>([...rows.keys()].filter((pid) => pid === root || readProc(pid, "environ").includes(mark)));
  for (let grown = true; grown;) {
    const before = members.size;
    for (const { pid, parent, session } of rows.values()) if (members.has(parent) || members.has(session)) members.add(pid);
    grown = members.size > before;
  }
  return [...members].filter((pid) => rows.has(pid));
}

export function usageOf(root: number, mark: string): TreeUsage {
  let cpuTicks = 0, pssBytes = 0, rssBytes = 0, processes = 0;
  for (const pid of membersOf(root, mark)) {
    const row = rowOf(pid);
    if (row === undefined) continue;
    const memory = readProc(pid, "smaps_rollup");
    cpuTicks += row.cpuTicks;
    pssBytes += kilobytesOf(memory, "Pss") * 1024;
    rssBytes += kilobytesOf(memory, "Rss") * 1024;
    processes += 1;
  }
  return { cpuMs: cpuTicks * TICK_MS, pssBytes, rssBytes, processes };
}

/** Fields after the command, which stands in brackets and may hold spaces: proc_pid_stat(5). */
function rowOf(pid: number): ProcessRow | undefined {
  const text = readProc(pid, "stat");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 16 || fields[0] === "Z") return undefined;
  const [parent, session] = [Number(fields[1]), Number(fields[3])];
  return { pid, parent, session, cpuTicks: Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]) };
}

function kilobytesOf(memory: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(memory)?.[1] ?? 0);
}

/** "" when the process has ended meanwhile. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
