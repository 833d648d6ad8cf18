/** Everything the control loop decided, why, and what it warns of. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { formatClock, formatMoment } from "../format/times.ts";
import { Badge, Empty, Section } from "../parts.ts";
import type { DecisionOverview, Overview } from "../../src/protocols/admin/overview.ts";
import { byDay, kindCounts, timelineOf, toneOfVerdict } from "./timeline.ts";

const FIRST_ENTRIES = 12;

export function DecisionsSection({ overview }: { readonly overview: Overview }): ComponentChild {
  const [kind, choose] = useState<string | undefined>(undefined);
  const [isOpen, open] = useState(false);
  const all = timelineOf(overview);
  const kinds = kindCounts(all);
  const chosen = kinds.some((one) => one.kind === kind) ? kind : undefined;
  const wanted = all.filter((entry) => chosen === undefined || entry.kind === chosen);
  const shown = isOpen ? wanted : wanted.slice(0, FIRST_ENTRIES);
  const filter = (name: string, count: number, value: string | undefined): ComponentChild =>
    h("button", { key: name, type: "button", "aria-pressed": chosen === value, onClick: () => choose(value) }, name, " ", h("span", null, count));
  return h(Section, { name: "decisions", title: "Decisions and alerts", hint: `Every decision of the control loop with its reason, newest first. Times are UTC on the platform's clock${overview.isSimulatedTime ? ", which is simulated" : ""}.` },
    all.length === 0 ? h(Empty, { text: "Nothing had to be decided yet. Trainings, gates, rollouts, alerts and changes of the definition will be listed here." }) : h("div", { class: "card" },
      h("div", { class: "filters", role: "group", "aria-label": "Filter by kind" }, filter("all", all.length, undefined), kinds.map((one) => filter(one.kind, one.count, one.kind))),
      byDay(shown).map(({ day, entries }) => h("section", { key: day, class: "day" }, h("h4", null, day), h("ol", { class: "timeline" }, entries.map((entry, at) => h(Entry, { key: `${entry.atMs} ${entry.kind} ${at}`, entry }))))),
      wanted.length > FIRST_ENTRIES ? h("button", { type: "button", class: "link", onClick: () => open(!isOpen) }, isOpen ? "Show fewer" : `Show all ${wanted.length}`) : null));
}

function Entry({ entry }: { readonly entry: DecisionOverview }): ComponentChild {
  const { atMs, kind, subject, verdict, reason } = entry;
  const tone = toneOfVerdict(entry);
  return h("li", { class: `entry entry-${tone}` },
    h("time", { dateTime: Number.isFinite(atMs) ? new Date(atMs).toISOString() : undefined, title: `${formatMoment(atMs)} UTC` }, formatClock(atMs)),
    h("div", null, h("p", { class: "entry-head" }, h("b", null, subject), h("span", { class: "entry-kind" }, kind), h(Badge, { tone }, verdict)), h("p", null, reason)));
}
