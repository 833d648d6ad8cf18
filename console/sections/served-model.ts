/** One served model as a row that opens: how much, how fast, why its batches left, who answers. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { StackedBar } from "../charts/bars.ts";
import { Sparkline } from "../charts/sparkline.ts";
import { Strip } from "../charts/strip.ts";
import { NO_VALUE, formatCount, formatRate, formatShare } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";
import { Badge } from "../parts.ts";
import { routeHash } from "../route.ts";
import type { CanaryOverview, ServedModelOverview } from "../../src/protocols/admin/overview.ts";
import { smoothed } from "./serving-figures.ts";
import { ServedVersions } from "./served-versions.ts";
import { batchShares, busiestVersion, quantileText, shadowVerdict, toneOfState, trafficShares } from "./serving-facts.ts";

export interface ServedModelProps {
  readonly model: ServedModelOverview;
  readonly nowMs: number;
  readonly isOpen: boolean;
}

const KIND_TEXTS: Readonly<Record<string, string>> = { function: "function", onnx: "ONNX", "open-inference": "remote", graph: "graph", trained: "trained here", repository: "repository" };

export function ServedModel({ model, nowMs, isOpen }: ServedModelProps): ComponentChild {
  const { name, description, kind, versions, members } = model;
  const details = `served-${name}`;
  return h("article", { class: `served-model ${isOpen ? "open" : ""}`, "aria-label": `Model ${name}` },
    h("div", { class: "served-row" },
      h("div", { class: "served-name" },
        h("h3", null, h("a", { class: "opens", href: routeHash(isOpen ? { section: "serving" } : { section: "serving", item: name }), "aria-expanded": isOpen, "aria-controls": details }, name)),
        h("p", null, description === "" && members !== undefined ? `asks ${members.join(", ")}` : description),
        h("p", { class: "chips-line" }, h(Badge, null, KIND_TEXTS[kind] ?? kind), versions.length === 0 ? h(Badge, { tone: "bad" }, "not loaded") : versions.map((one) =>
          h(Badge, { key: one.version, tone: toneOfState(one.state), title: one.reason === "" ? one.state.toLowerCase() : one.reason }, `v${one.version}${one.state === "READY" ? "" : ` ${one.state.toLowerCase()}`}`)))),
      h(Requests, { model }), h(Latency, { model }), h(Batches, { model }), h(Traffic, { model, nowMs })),
    isOpen ? h("div", { class: "served-details", id: details }, h(ServedVersions, { model })) : null);
}

interface BlockProps {
  readonly title: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: ComponentChild;
  readonly children?: ComponentChild;
}

function Block({ title, value, unit, note, children }: BlockProps): ComponentChild {
  return h("div", { class: "block" }, h("h4", null, title), h("p", { class: "block-value" }, value, unit === undefined ? null : h("small", null, unit)), children, note === undefined ? null : h("p", { class: "block-note" }, note));
}

function Requests({ model: { requestsPerSecond, requests, failures, failuresByReason, history } }: { readonly model: ServedModelOverview }): ComponentChild {
  const why = failuresByReason.map(({ reason, count }) => `${reason} ${count}`).join(", ");
  return h(Block, {
    title: "Requests", value: formatRate(requestsPerSecond), unit: "/s", children: h(Sparkline, { values: smoothed(history.requestsPerSecond), tone: 1 }),
    note: [`${formatCount(requests)} answered`, failures === 0 ? null : h("span", { class: "failed", title: why }, ` · ${formatCount(failures)} failed`)],
  });
}

function Latency({ model }: { readonly model: ServedModelOverview }): ComponentChild {
  const busiest = busiestVersion(model);
  const which = model.versions.length > 1 && busiest !== undefined ? ` of v${busiest.version}` : "";
  return h(Block, {
    title: `Compute p50 / p99${which}`, value: quantileText(busiest?.computeMs ?? null), children: h(Sparkline, { values: smoothed(model.history.meanMs), tone: 2 }), note: `queue ${quantileText(busiest?.queueMs ?? null)}`,
  });
}

function Batches({ model }: { readonly model: ServedModelOverview }): ComponentChild {
  const [shares, rows] = [batchShares(model), busiestVersion(model)?.meanBatchRows ?? null];
  const [most, next] = shares;
  const cached = busiestVersion(model)?.cacheHitShare ?? null;
  return h(Block, {
    title: "Rows per batch", value: rows === null ? NO_VALUE : formatRate(rows), ...(cached === null ? {} : { unit: ` · ${formatShare(cached)} from cache` }),
    children: h(Strip, { label: `Why batches of ${model.name} left`, parts: shares }),
    note: most === undefined ? "no batch yet" : h("span", null, h(Reason, { part: most }), next === undefined ? null : [" ", h(Reason, { part: next })]),
  });
}

function Reason({ part: { name, share, tone } }: { readonly part: { readonly name: string; readonly share: number; readonly tone: number } }): ComponentChild {
  return h("span", { class: "reason-part" }, h("i", { class: `part-${tone}`, "aria-hidden": "true" }), name, share === 1 ? "" : ` ${formatShare(share)}`);
}

function Traffic({ model, nowMs }: { readonly model: ServedModelOverview; readonly nowMs: number }): ComponentChild {
  const { name, traffic } = model;
  const parts = trafficShares(model);
  const shadow = traffic?.shadow && shadowVerdict(traffic.shadow);
  return h("div", { class: "block served-traffic" },
    h("h4", null, "Traffic ", traffic?.canary === undefined ? null : h("small", null, canaryText(traffic.canary, nowMs))),
    parts.length === 0 ? h("p", { class: "block-note" }, "nobody has asked yet") : h(StackedBar, { label: `Traffic of ${name}`, parts }),
    shadow === undefined ? null : h("p", null, h(Badge, { tone: shadow.tone, title: shadow.explanation }, shadow.text)));
}

function canaryText({ phase, step, steps, stepStartedAtMs }: CanaryOverview, nowMs: number): string {
  const since = formatDuration(Math.max(0, nowMs - stepStartedAtMs));
  return phase === "shadow" ? `canary in shadow for ${since}` : `canary at step ${step + 1} of ${steps.length} for ${since}`;
}
