/** Runs one load test: finds the server's process, warms it up, sends the load, and shows how it goes. */
import { StrataError } from "../../../kernel/errors.ts";
import { failuresOf, findListeners, measureLoad, openLoadGenerator, throughputOf, warmUp } from "../../../platform/load-test.ts";
import type { LoadGenerator, LoadOutcome, LoadPlan } from "../../../platform/load-test.ts";
import type { CommandContext } from "../../command.ts";
import { formatElapsed, formatNumber } from "../../terminal/format.ts";
import { loadShape } from "./load-options.ts";
import type { Address, LoadOptionValues } from "./load-options.ts";
import type { LoadReport } from "./load-report.ts";
import type { LoadTarget } from "./load-target.ts";

export type LoadContext = Pick<CommandContext, "terminal" | "signal"> & { readonly options: LoadOptionValues };

const WARM_UP_REQUESTS = 500;
const WARM_UP_STREAMS = 4;

export async function runLoad(target: LoadTarget, { options, terminal, signal }: LoadContext): Promise<LoadReport> {
  const plan = planOf(target, options);
  await using generator = openLoadGenerator({ processes: options.processes });
  const serverPids = await serverPidsOf(target.address, options.pid);
  await warmUpServer(plan, options.warmup, { generator, signal });
  const total = expectedRequests(plan);
  using bar = terminal.progress({ label: "answered", ...(total === undefined ? {} : { total }) });
  const measured = await measureLoad(plan, { generator, serverPids, signal, onProgress: ({ answered }) => bar.update(answered) });
  bar.update(measured.outcome.answered);
  return { kind: "run", target: target.title, ...(plan.mark === undefined ? {} : { markName: target.markName ?? `with "${plan.mark}"` }), notes: target.notes, load: describeLoad(plan), perSecond: throughputOf(measured.outcome), isStopped: signal.aborted, ...measured };
}

export function planOf({ address, exchange, mark }: LoadTarget, options: LoadOptionValues): LoadPlan {
  const { host, port, tls } = address;
  return { host, port, ...(tls === undefined ? {} : { tls }), exchange, ...(mark === undefined ? {} : { mark }), ...loadShape(options) };
}

/** Raises SERVER_UNREACHABLE or TARGET_REFUSES when not one request of the warm-up succeeds: there is nothing to measure. */
export async function warmUpServer(plan: LoadPlan, requests: number | undefined, { generator, signal }: { readonly generator: LoadGenerator; readonly signal: AbortSignal }): Promise<void> {
  const wanted = requests ?? (plan.exchange.kind === "stream" ? WARM_UP_STREAMS : WARM_UP_REQUESTS);
  if (wanted === 0 || signal.aborted) return;
  const outcome = await warmUp(plan, wanted, { generator, signal });
  if (outcome.answered === 0 && !signal.aborted) throw refusal(plan, outcome);
}

function refusal({ host, port }: LoadPlan, outcome: LoadOutcome): StrataError {
  const [kind = "no answer in time"] = Object.entries(outcome.failed).toSorted((a, b) => b[1] - a[1]).map(([name]) => name);
  const url = `${host}:${port}`;
  if (failuresOf(outcome) > 0 && /^E[A-Z]+$/.test(kind)) return new StrataError("LOAD_TARGET_FAILED", { url, reason: `every connection failed with ${kind}` });
  return new StrataError("LOAD_TARGET_FAILED", { url, reason: `every request of the warm-up failed (${kind})${outcome.firstFailure === undefined || outcome.firstFailure === "" ? "" : `, the first with: ${outcome.firstFailure.slice(0, 300)}`}` });
}

/** The process of a server on this machine: the one that is named, or who listens on the port. */
export async function serverPidsOf({ host, port }: Address, pid: number | undefined): Promise<readonly number[]> {
  if (pid !== undefined) return [pid];
  return ["localhost", "127.0.0.1", "::1", "0.0.0.0"].includes(host) ? findListeners(port) : [];
}

function expectedRequests({ arrivals, durationMs, maxRequests = Number.POSITIVE_INFINITY }: LoadPlan): number | undefined {
  const expected = Math.min(maxRequests, arrivals.kind === "open" ? Math.round((arrivals.perSecond * durationMs) / 1000) : Number.POSITIVE_INFINITY);
  return Number.isFinite(expected) ? expected : undefined;
}

export function describeLoad({ arrivals, connections, durationMs, maxRequests }: LoadPlan): string {
  const span = `${formatElapsed(durationMs)}${maxRequests === undefined ? "" : `, at most ${formatNumber(maxRequests, 0)} requests`}`;
  if (arrivals.kind === "closed") return `closed loop, ${formatNumber(connections, 0)} ${connections === 1 ? "connection" : "connections"} for ${span}`;
  return `open loop, ${formatNumber(arrivals.perSecond)} requests/s (${arrivals.spacing === "even" ? "evenly spaced" : "Poisson"}) for ${span}, at most ${formatNumber(connections, 0)} connections`;
}
