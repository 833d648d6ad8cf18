/** What the overview says after the traffic, in a few lines. */
import type { Overview } from "strata/testing";
import type { Counts } from "./customers.ts";

type Serving = NonNullable<Overview["serving"]>;
type Gateway = NonNullable<Overview["gateway"]>;

export function summarise({ serving, gateway, decisions }: Overview, counts: Counts): readonly (readonly [what: string, result: string])[] {
  const refused = Array.from(counts.failures, ([code, count]) => `${code} ${count}`).join(", ");
  return [
    ["sent", `${counts.inferences} inferences, ${counts.chats} chats with ${counts.words} pieces of answers${refused === "" ? "" : `; not answered: ${refused}`}`],
    ...(serving?.models ?? []).map((model) => [model.name, modelLine(model)] as const),
    ...(gateway?.models ?? []).map((model) => [model.name, languageLine(model)] as const),
    ...(gateway?.targets ?? []).map((target) => [`${target.languageModel} at ${target.upstream}`, `${target.calls} attempts, ${target.failures} failed, ${target.meanMs.toFixed(0)} ms to the first token, ${target.state}`] as const),
    ...(gateway?.keys ?? []).map((key) => [`key ${key.name}`, `$${key.spentUsd.toFixed(6)} spent${key.budgetUsd === undefined ? "" : ` of $${key.budgetUsd}`}`] as const),
    ["decided", decisions.filter(({ kind }) => kind === "rollout").slice(0, 3).map(({ subject, verdict, reason }) => `${subject} ${verdict}: ${reason}`).join(" | ") || "nothing"],
  ];
}

function modelLine({ requests, failures, versions, batches, traffic }: Serving["models"][number]): string {
  const arms = traffic?.arms.map(({ variant, version, share, requests: count }) => `${variant} v${version} ${Math.round(share * 100)} % (${count})`).join(", ");
  const busiest = versions.toSorted((a, b) => b.requests - a.requests)[0];
  const [why] = batches;
  return [
    `${requests} answered${failures === 0 ? "" : `, ${failures} failed`}`, ...(busiest?.computeMs ? [`compute p99 ${busiest.computeMs.p99.toFixed(1)} ms, queue p99 ${(busiest.queueMs?.p99 ?? 0).toFixed(1)} ms`] : []),
    ...(busiest?.meanBatchRows ? [`${busiest.meanBatchRows.toFixed(1)} rows per batch (${why?.reason ?? ""})`] : []), ...(arms === undefined ? [] : [arms]),
    ...(traffic?.shadow ? [`${traffic.shadow.compared} copies compared, ${(traffic.shadow.differingShare * 100).toFixed(1)} % differ`] : []),
  ].join(" · ");
}

function languageLine({ calls, firstTokenP50Ms, cacheHits, fallbacks, failedAttempts, costTodayUsd, refusals }: Gateway["models"][number]): string {
  return [
    `${calls} calls`, ...(firstTokenP50Ms === null ? [] : [`first token p50 ${firstTokenP50Ms.toFixed(0)} ms`]), `${cacheHits} from cache`, `${fallbacks} fallbacks`, `${failedAttempts} failed attempts`,
    ...(costTodayUsd === undefined ? [] : [`$${costTodayUsd.toFixed(6)} today`]), ...(refusals.length === 0 ? [] : [`refused: ${refusals.map(({ reason, count }) => `${reason} ${count}`).join(", ")}`]),
  ].join(" · ");
}
