/** All that is known of a node of the gateway's picture, as plain data for its panel: pure. */
import { formatCount, formatMilliseconds, formatRate, formatUsd } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";
import type { DetailGroup, DetailRow, NodeDetails } from "../loop/details.ts";
import { KIND_NAMES } from "../loop/node-kind.ts";
import type { GatewayKind } from "../loop/node-kind.ts";
import type { GatewayOverview, KeyOverview, LanguageModelOverview, TargetOverview } from "../../src/protocols/admin/overview.ts";
import { byUpstream } from "./graph.ts";
import { keyMarks, languageMarks, upstreamMarks } from "./marks.ts";

const row = (label: string, value: string): DetailRow => ({ label, value });
const ms = (value: number | null): string => (value === null ? "–" : formatMilliseconds(value));

/** undefined when no such node is there (any more). */
export function gatewayDetails(id: string, gateway: GatewayOverview): NodeDetails | undefined {
  const [kind, name] = [id.slice(0, id.indexOf(":")), id.slice(id.indexOf(":") + 1)];
  switch (kind) {
    case "caller": return keyDetails(gateway.keys?.find((key) => key.id === name));
    case "language": return languageDetails(gateway.models.find((model) => model.name === name), gateway);
    case "upstream": return upstreamDetails(name, byUpstream(gateway.targets).get(name));
    default: return undefined;
  }
}

function details(kind: GatewayKind, name: string, rest: Omit<NodeDetails, "kind" | "kindName" | "name">): NodeDetails {
  return { kind, kindName: KIND_NAMES[kind], name, ...rest };
}

function keyDetails(key: KeyOverview | undefined): NodeDetails | undefined {
  if (key === undefined) return undefined;
  const { id, name, tenant, state, spentUsd, reservedUsd, budgetUsd, periodMs, requestsPerMinute, tokensPerMinute, calls } = key;
  return details("caller", name, {
    description: tenant === "" ? "Calls that brought no key are booked here." : "", marks: keyMarks(key),
    rows: [
      row("Key", id), ...(tenant === "" ? [] : [row("Tenant", tenant)]), row("State", state), row("Spent", formatUsd(spentUsd)), row("Held by calls in flight", formatUsd(reservedUsd)),
      row("Budget", budgetUsd === undefined ? "none" : `${formatUsd(budgetUsd)}${periodMs === undefined ? " in all" : ` every ${formatDuration(periodMs)}`}`),
      ...(requestsPerMinute === undefined ? [] : [row("Requests per minute", formatCount(requestsPerMinute))]), ...(tokensPerMinute === undefined ? [] : [row("Tokens per minute", formatCount(tokensPerMinute))]),
    ],
    groups: calls.length === 0 ? [] : [{ title: "Calls today", rows: calls.map(({ model, today, perSecond }) => row(model, `${formatCount(today)}, ${formatRate(perSecond)}/s now`)) }], lists: [],
  });
}

function languageDetails(model: LanguageModelOverview | undefined, { targets }: GatewayOverview): NodeDetails | undefined {
  if (model === undefined) return undefined;
  const { name, description, calls, callsPerSecond, inputTokensPerSecond, outputTokensPerSecond, firstTokenP50Ms, durationP50Ms, costTodayUsd, cacheHits, fallbacks, failedAttempts, refusals } = model;
  const mine = targets.filter((target) => target.languageModel === name);
  return details("language", name, {
    description, marks: languageMarks(model, targets),
    rows: [
      row("Calls", formatCount(calls)), row("Calls per second", formatRate(callsPerSecond)), row("Tokens per second", `${formatRate(inputTokensPerSecond)} in, ${formatRate(outputTokensPerSecond)} out`),
      row("First token p50", ms(firstTokenP50Ms)), row("Whole call p50", ms(durationP50Ms)), ...(costTodayUsd === undefined ? [] : [row("Cost today", formatUsd(costTodayUsd))]),
      row("From cache today", formatCount(cacheHits)), row("Fallbacks", formatCount(fallbacks)), row("Failed attempts", formatCount(failedAttempts)),
    ],
    groups: [
      { title: "Upstreams in their order", rows: mine.toSorted((a, b) => a.priority - b.priority).map(({ upstream, model: at, state }) => row(`${upstream} · ${at}`, state)) },
      ...(refusals.length === 0 ? [] : [{ title: "Not answered", rows: refusals.map(({ reason, count }) => row(reason, formatCount(count))) }]),
    ], lists: [],
  });
}

function upstreamDetails(name: string, targets: readonly TargetOverview[] | undefined): NodeDetails | undefined {
  if (targets === undefined) return undefined;
  return details("upstream", name, {
    description: "", marks: upstreamMarks(targets), rows: [row("In flight", formatCount(targets.reduce((sum, { inFlight }) => sum + inFlight, 0)))],
    groups: targets.map((target): DetailGroup => ({
      title: `${target.model} for ${target.languageModel}`,
      rows: [row("State", target.state), row("Calls per second", formatRate(target.callsPerSecond)), row("Mean latency", target.calls === 0 ? "–" : formatMilliseconds(target.meanMs)), row("Attempts", formatCount(target.calls)), row("Failed", formatCount(target.failures))],
    })), lists: [],
  });
}
