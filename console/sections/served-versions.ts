/** What is behind a served model's row: its versions side by side, what failed, and who runs it elsewhere. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { NO_VALUE, formatCount, formatMilliseconds, formatRate, formatShare } from "../format/numbers.ts";
import { Badge, Table } from "../parts.ts";
import type { ReplicaOverview, ServedModelOverview } from "../../src/protocols/admin/overview.ts";
import { quantileText, toneOfReplica, toneOfState } from "./serving-facts.ts";

export function ServedVersions({ model: { name, versions, failuresByReason } }: { readonly model: ServedModelOverview }): ComponentChild {
  const replicated = versions.filter(({ replicas }) => replicas !== undefined && replicas.length > 0);
  return [
    h(Table, {
      label: `Versions of ${name}`,
      columns: [{ title: "Version" }, { title: "State" }, { title: "Requests", isNumber: true }, { title: "per second", isNumber: true }, { title: "Queue p50 / p99", isNumber: true }, { title: "Compute p50 / p99", isNumber: true }, { title: "Rows per batch", isNumber: true }, { title: "From cache", isNumber: true }, { title: "Failed", isNumber: true }],
      rows: versions.map((one) => ({
        key: one.version,
        cells: [
          h("span", null, `v${one.version} `, one.aliases.map((alias) => h(Badge, { key: alias }, alias))), h(Badge, { tone: toneOfState(one.state), title: one.reason }, one.state.toLowerCase()),
          formatCount(one.requests), formatRate(one.requestsPerSecond), quantileText(one.queueMs), quantileText(one.computeMs),
          one.meanBatchRows === null ? NO_VALUE : formatRate(one.meanBatchRows), one.cacheHitShare === null ? NO_VALUE : formatShare(one.cacheHitShare), formatCount(one.failures),
        ],
      })),
    }),
    versions.filter(({ reason }) => reason !== "").map(({ version, reason }) => h("p", { key: version, class: "reason" }, `v${version}: ${reason}`)),
    failuresByReason.length === 0 ? null : h("p", { class: "quiet" }, `Failed: ${failuresByReason.map(({ reason, count }) => `${reason} ${formatCount(count)}`).join(", ")}.`),
    replicated.map(({ version, replicas }) => h(Replicas, { key: version, label: `Replicas of ${name} v${version}`, replicas: replicas! })),
  ];
}

function Replicas({ label, replicas }: { readonly label: string; readonly replicas: readonly ReplicaOverview[] }): ComponentChild {
  return h("div", null, h("h4", null, label), h(Table, {
    label, columns: [{ title: "Replica" }, { title: "State" }, { title: "In flight", isNumber: true }, { title: "Mean", isNumber: true }, { title: "Calls", isNumber: true }, { title: "Failed", isNumber: true }],
    rows: replicas.map(({ name, state, reason, inFlight, meanMs, calls, failures }) => ({
      key: name, cells: [name, h(Badge, { tone: toneOfReplica(state), title: reason }, state), formatCount(inFlight), calls === 0 ? NO_VALUE : formatMilliseconds(meanMs), formatCount(calls), formatCount(failures)],
    })),
  }));
}
