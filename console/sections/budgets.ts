/** Keys and how far their budgets have gone: what is spent, what calls in flight hold, what is left. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { NO_VALUE, counted, formatCount, formatShare, formatUsd } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";
import { keyMarks } from "../gateway/marks.ts";
import { Badge, Card } from "../parts.ts";
import type { KeyOverview } from "../../src/protocols/admin/overview.ts";

export function Budgets({ keys, otherKeys }: { readonly keys: readonly KeyOverview[]; readonly otherKeys: number }): ComponentChild {
  return h(Card, { title: "Keys and budgets", note: "A call reserves the most it may cost before it is made, so no budget is overshot." },
    h("ul", { class: "budgets" }, keys.map((key) => h(Budget, { key: key.id, of: key }))),
    otherKeys === 0 ? null : h("p", { class: "quiet" }, `and ${counted(otherKeys, "more key")} that spent less today`));
}

function Budget({ of: key }: { readonly of: KeyOverview }): ComponentChild {
  const { name, tenant, spentUsd, reservedUsd, budgetUsd } = key;
  const [mark] = keyMarks(key);
  return h("li", null,
    h("div", { class: "budget-name" }, h("b", null, name), tenant === "" || tenant === name ? null : h("span", { class: "quiet" }, tenant)),
    budgetUsd === undefined ? h("p", { class: "quiet" }, "no budget") : h(Bar, { of: key, budgetUsd, tone: mark?.tone ?? "plain" }),
    h("p", { class: "budget-figures" }, h("b", null, formatUsd(spentUsd)), budgetUsd === undefined ? " today" : ` of ${formatUsd(budgetUsd)}${periodText(key)}`, reservedUsd > 0 ? h("span", { class: "quiet" }, ` · ${formatUsd(reservedUsd)} held`) : null),
    h("p", { class: "budget-limits" }, mark === undefined ? null : h(Badge, { tone: mark.tone, title: mark.explanation }, mark.text), h("span", { class: "quiet" }, limitsText(key))));
}

function periodText({ periodMs }: KeyOverview): string {
  return periodMs === undefined ? " in all" : periodMs === 86_400_000 ? " a day" : ` every ${formatDuration(periodMs)}`;
}

function limitsText({ requestsPerMinute, tokensPerMinute }: KeyOverview): string {
  const limits = [...(requestsPerMinute === undefined ? [] : [counted(requestsPerMinute, "request")]), ...(tokensPerMinute === undefined ? [] : [`${formatCount(tokensPerMinute)} tokens`])];
  return limits.length === 0 ? "no limits" : `${limits.join(", ")} a minute`;
}

function Bar({ of: { name, spentUsd, reservedUsd }, budgetUsd, tone }: { readonly of: KeyOverview; readonly budgetUsd: number; readonly tone: string }): ComponentChild {
  const share = (usd: number): number => (budgetUsd === 0 ? 0 : Math.min(1, usd / budgetUsd));
  const [spent, held] = [share(spentUsd), share(spentUsd + reservedUsd) - share(spentUsd)];
  return h("svg", { class: `budget-bar budget-${tone}`, width: "100%", height: 8, role: "img", "aria-label": `Budget of ${name}: ${formatShare(spent)} spent, ${held > 0 ? formatShare(held) : NO_VALUE} held by calls in flight` },
    h("rect", { class: "bar-back", width: "100%", height: 8, rx: 4 }),
    h("rect", { class: "budget-held", width: `${(spent + held) * 100}%`, height: 8, rx: 4 }),
    h("rect", { class: "budget-spent", width: `${spent * 100}%`, height: 8, rx: 4 }));
}
