/** Runs a load in a child process and kills it without warning; gives back what it had printed until then. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface KillPlan {
  /** When to start counting: at once, or when the load prints its first line. */
  readonly after: "spawn" | "ready";
  readonly ms: number;
}

/** The whole lines the script printed before SIGKILL took it. Throws when it ended by itself. */
export async function runUntilKilled(script: string, parameters: readonly string[], plan: KillPlan): Promise<readonly string[]> {
  const child = spawn(process.execPath, ["--conditions=source", script, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close");
  let printed = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => { printed += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { complaint += text; });
  if (plan.after === "ready") await Promise.race([once(child.stdout, "data"), closed]);
  await Promise.race([sleep(plan.ms), closed]);
  child.kill("SIGKILL");
  await closed;
  if (child.signalCode !== "SIGKILL") throw new Error(`the load ended by itself with code ${child.exitCode}: ${complaint}`);
  return printed.split("\n").slice(0, -1); // the last piece is empty, or a line that was cut
}
