/**
 * One run of a plan: opens its connections, sends, waits, measures. Every request ends in exactly one of answered,
 * failed or unfinished, so that a server cannot look fast by answering only some of them.
 */
import { createArrivals } from "./arrivals.ts";
import { createClientConnection } from "./connection.ts";
import type { Connection } from "./connection.ts";
import type { LoadOutcome, LoadPlan } from "./load-plan.ts";
import { createRequestSource } from "./request-source.ts";
import { createTally } from "./tally.ts";

/** How often timeouts are looked for. */
const SWEEP_MS = 100;
/** A connection whose request failed sends again after this, lest a dead server is asked 100,000 times a second. */
const PAUSE_AFTER_FAILURE_MS = 50;

/** `session` differs between any two runs, also of other processes, that send events to the same server. */
export async function runLoad(plan: LoadPlan, session: number): Promise<LoadOutcome> {
  const { maxRequests = Number.POSITIVE_INFINITY } = plan;
  const cpu = process.cpuUsage();
  const tally = createTally(plan.mark);
  const end = Promise.withResolvers<void>();
  let sent = 0, isStopped = false;

  const send = (connection: Connection, sinceMs: number): boolean => {
    if (isStopped || sent >= maxRequests) return false;
    sent += 1;
    tally.sent(connection.send(sinceMs));
    if (sent >= maxRequests) end.resolve();
    return true;
  };
  const arrivals = createArrivals(plan.arrivals, send);
  const connections = Array.from({ length: plan.connections }, (_, number) => createClientConnection({
    host: plan.host, port: plan.port, source: createRequestSource(plan, number, session),
    onAnswer: (connection, answer, sinceMs) => {
      tally.answered(answer, performance.now() - sinceMs);
      if (answer.status < 300) arrivals.freed(connection);
      else setTimeout(() => arrivals.freed(connection), PAUSE_AFTER_FAILURE_MS);
    },
    onFailure: (connection, reason) => {
      tally.failed(reason);
      setTimeout(() => arrivals.freed(connection), PAUSE_AFTER_FAILURE_MS);
    },
  }));
  const sweeping = setInterval(() => failLate(connections, plan.timeoutMs), SWEEP_MS);
  const deadline = setTimeout(() => end.resolve(), plan.durationMs);

  const startedAtMs = performance.now();
  arrivals.start(connections);
  await end.promise;
  isStopped = true;
  const elapsedMs = performance.now() - startedAtMs;
  tally.stop();
  const unsent = arrivals.stop();
  await answersOf(connections, plan.timeoutMs);
  clearInterval(sweeping);
  clearTimeout(deadline);
  const outcome = tally.outcome({ unsent, elapsedMs, cpu: process.cpuUsage(cpu) });
  for (const connection of connections) connection.close();
  return outcome;
}

function failLate(connections: readonly Connection[], timeoutMs: number): void {
  const latestMs = performance.now() - timeoutMs;
  for (const connection of connections) {
    const sinceMs = connection.waitsSinceMs();
    if (sinceMs !== undefined && sinceMs < latestMs) connection.fail("timeout");
  }
}

/** Waits for the requests under way; what takes longer than the timeout stays unfinished. */
async function answersOf(connections: readonly Connection[], timeoutMs: number): Promise<void> {
  const giveUpAtMs = performance.now() + timeoutMs;
  while (performance.now() < giveUpAtMs && connections.some((connection) => connection.waitsSinceMs() !== undefined)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
