/** The process: what it uses, what it runs. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { Sparkline } from "../charts/sparkline.ts";
import { formatBytes, formatMilliseconds, formatShare } from "../format/numbers.ts";
import { formatDuration, formatMoment } from "../format/times.ts";
import type { ObservedSample } from "../live/observed.ts";
import { Card, Figure, Section } from "../parts.ts";
import type { Overview } from "../../src/protocols/admin/overview.ts";

export interface ProcessSectionProps {
  readonly overview: Overview;
  readonly observed: readonly ObservedSample[];
  readonly nowWallMs: number;
}

export function ProcessSection({ overview, observed, nowWallMs }: ProcessSectionProps): ComponentChild {
  const { process, strataVersion, definitionHash } = overview;
  const lines = (pick: (sample: ObservedSample) => number, tone: number): ComponentChild => h(Sparkline, { values: observed.map(pick), tone });
  return h(Section, { name: "process", title: "Process", hint: "What this process uses and runs. Lines show what this page has seen since it was opened." },
    h(Card, { title: "Resources" }, h("dl", { class: "figures" },
      h(Figure, { label: "Memory", value: formatBytes(process.rssBytes), note: "resident", children: lines((sample) => sample.rssBytes, 2) }),
      h(Figure, { label: "CPU", value: formatShare(process.cpuShare), note: "of one core", children: lines((sample) => sample.cpuShare, 1) }),
      h(Figure, { label: "Event loop p99", value: formatMilliseconds(process.eventLoopP99Ms), note: "delay", children: lines((sample) => sample.eventLoopP99Ms, 3) }),
      h(Figure, { label: "Uptime", value: formatDuration(Math.max(0, nowWallMs - process.startedAtWallMs)), note: `since ${formatMoment(process.startedAtWallMs)} UTC` }))),
    h(Card, { title: "Versions" }, h("dl", { class: "rows wide" },
      h("div", null, h("dt", null, "Strata"), h("dd", null, strataVersion)),
      h("div", null, h("dt", null, "Node.js"), h("dd", null, process.node)),
      h("div", null, h("dt", null, "Definition"), h("dd", null, h("code", { class: "hash" }, definitionHash))),
      h("div", null, h("dt", null, "Machine-readable"), h("dd", null, link("/v1/overview"), link("/v1/definition"), link("/metrics"), link("/v1"))))));
}

const link = (path: string): ComponentChild => h("a", { class: "path", href: path }, path);
