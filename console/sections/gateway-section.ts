/** The gateway: the picture of who calls what through it, what each language model does, and how far budgets have gone. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useCallback } from "preact/hooks";
import { Sparkline } from "../charts/sparkline.ts";
import { NO_VALUE, counted, formatCount, formatMilliseconds, formatRate, formatUsd } from "../format/numbers.ts";
import { gatewayDetails } from "../gateway/details.ts";
import { buildGateway } from "../gateway/graph.ts";
import { DetailsPanel } from "../loop/details-panel.ts";
import { LoopPicture } from "../loop/loop-picture.ts";
import { Card, Section, Table } from "../parts.ts";
import { routeHash } from "../route.ts";
import type { GatewayOverview, LanguageModelOverview } from "../../src/protocols/admin/overview.ts";
import { Budgets } from "./budgets.ts";
import { smoothed } from "./serving-figures.ts";

export interface GatewaySectionProps {
  readonly gateway: GatewayOverview;
  readonly selected: string | undefined;
}

export function GatewaySection({ gateway, selected }: GatewaySectionProps): ComponentChild {
  const open = useCallback((id: string) => { location.hash = routeHash({ section: "gateway", item: id }); }, []);
  const close = useCallback(() => { location.hash = routeHash({ section: "gateway" }); }, []);
  return h(Section, { name: "gateway", title: "Gateway", hint: summaryOf(gateway) },
    h("div", { class: selected === undefined ? "loop-split" : "loop-split open" },
      h("div", { class: "card loop-card gateway-card" }, h(LoopPicture, { graph: buildGateway(gateway), label: "The gateway: callers, language models, and the upstreams that answer", selected, onSelect: open })),
      selected === undefined ? null : h(DetailsPanel, { id: selected, details: gatewayDetails(selected, gateway), onClose: close })),
    h(Card, { title: "Language models", note: "Rates of the last 10 s, latencies of the last minute, money and cache since midnight UTC." }, h(Models, { models: gateway.models })),
    gateway.keys === undefined || gateway.keys.length === 0 ? null : h(Budgets, { keys: gateway.keys, otherKeys: gateway.otherKeys ?? 0 }));
}

function summaryOf({ models, targets, keys }: GatewayOverview): string {
  const perSecond = models.reduce((sum, { callsPerSecond }) => sum + callsPerSecond, 0);
  const upstreams = new Set(targets.map(({ upstream }) => upstream)).size;
  return `${formatRate(perSecond)} calls/s through ${counted(models.length, "language model")} to ${counted(upstreams, "upstream")}${keys === undefined ? "" : `, ${counted(keys.length, "caller")}`}. Choose a part for its details.`;
}

function Models({ models }: { readonly models: readonly LanguageModelOverview[] }): ComponentChild {
  const ms = (value: number | null): string => (value === null ? NO_VALUE : formatMilliseconds(value));
  return h(Table, {
    label: "Language models",
    columns: [
      { title: "Model" }, { title: "Calls/s", isNumber: true }, { title: "Tokens in/s", isNumber: true }, { title: "Tokens out/s", isNumber: true }, { title: "" }, { title: "First token p50", isNumber: true },
      { title: "Cost today", isNumber: true }, { title: "From cache", isNumber: true }, { title: "Fallbacks", isNumber: true }, { title: "Failed attempts", isNumber: true }, { title: "Guardrails", isNumber: true }, { title: "Other refusals", isNumber: true },
    ],
    rows: models.map((model) => ({
      key: model.name,
      cells: [
        h("b", null, model.name), formatRate(model.callsPerSecond), formatRate(model.inputTokensPerSecond), formatRate(model.outputTokensPerSecond),
        h("span", { class: "cell-line" }, h(Sparkline, { values: smoothed(model.history.outputTokensPerSecond), tone: 1 })), ms(model.firstTokenP50Ms),
        model.costTodayUsd === undefined ? NO_VALUE : formatUsd(model.costTodayUsd), formatCount(model.cacheHits), formatCount(model.fallbacks), formatCount(model.failedAttempts), formatCount(refusedBy(model, true)), h(Refusals, { model }),
      ],
    })),
  });
}

const GUARDRAIL = "GUARDRAIL_REFUSED";

function refusedBy({ refusals }: LanguageModelOverview, isGuardrail: boolean): number {
  return refusals.filter(({ reason }) => (reason === GUARDRAIL) === isGuardrail).reduce((sum, { count }) => sum + count, 0);
}

function Refusals({ model }: { readonly model: LanguageModelOverview }): ComponentChild {
  const text = model.refusals.filter(({ reason }) => reason !== GUARDRAIL).map(({ reason, count }) => `${reason} ${count}`).join(", ");
  return h("span", { title: text }, formatCount(refusedBy(model, false)));
}
