/** The figures that tell at a glance whether all is well: six of the loop, three of serving, three of the gateway. Each leads to its section. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { Sparkline } from "../charts/sparkline.ts";
import { NO_VALUE, counted, formatMetric, formatMilliseconds, formatRate } from "../format/numbers.ts";
import { formatDay } from "../format/times.ts";
import type { ObservedSample } from "../live/observed.ts";
import { latestReward } from "../loop/reward.ts";
import { Figure } from "../parts.ts";
import type { FigureProps } from "../parts.ts";
import type { SectionName } from "../route.ts";
import { hasLoop } from "../shown-sections.ts";
import type { Overview } from "../../src/protocols/admin/overview.ts";
import { gatewayFigures, servingFigures } from "./serving-figures.ts";

export function Headline({ overview, observed }: { readonly overview: Overview; readonly observed: readonly ObservedSample[] }): ComponentChild {
  const now = observed.at(-1);
  const tile = (section: SectionName, figure: FigureProps): ComponentChild => h("a", { class: "tile", href: `#${section}` }, h("dl", null, h(Figure, figure)));
  const loop = !hasLoop(overview) ? [] : [
    tile("loop", { label: "Events", value: formatRate(now?.eventsPerSecond ?? Number.NaN), unit: "/s", children: h(Sparkline, { values: observed.map((sample) => sample.eventsPerSecond), tone: 2 }) }),
    tile("endpoints", { label: "Requests", value: formatRate(now?.requestsPerSecond ?? Number.NaN), unit: "/s", children: h(Sparkline, { values: observed.map((sample) => sample.requestsPerSecond), tone: 1 }) }),
    tile("endpoints", latency(overview)), tile("models", champions(overview)), tile("drift", reward(overview)), tile("drift", drift(overview)),
  ];
  const tiles = [...loop, ...(overview.serving ? servingFigures(overview.serving) : []).map((figure) => tile("serving", figure)), ...(overview.gateway ? gatewayFigures(overview.gateway) : []).map((figure) => tile("gateway", figure))];
  return h("nav", { class: `headline ${tiles.length === 3 ? "three" : ""}`, "aria-label": "Key figures" }, tiles);
}

function latency({ endpoints }: Overview): FigureProps {
  const slowest = endpoints.filter(({ requests }) => requests > 0).toSorted((a, b) => b.latencyMs.p99 - a.latencyMs.p99)[0];
  if (slowest === undefined) return { label: "Latency p99", value: NO_VALUE, note: "no requests yet" };
  return { label: "Latency p99", value: formatMilliseconds(slowest.latencyMs.p99), note: `p50 ${formatMilliseconds(slowest.latencyMs.p50)} · ${slowest.name}` };
}

function champions({ models }: Overview): FigureProps {
  const [only] = models;
  if (models.length !== 1 || only === undefined) {
    return { label: "Champions", value: `${models.filter(({ aliases }) => aliases.champion !== undefined).length}`, unit: ` of ${models.length}`, note: "models that answer" };
  }
  const version = only.versions.find((candidate) => candidate.version === only.aliases.champion);
  const [metric] = Object.entries(version?.metrics ?? {});
  if (only.aliases.champion === undefined) return { label: "Champion", value: NO_VALUE, note: `${only.name} is not trained yet` };
  return { label: "Champion", value: `v${only.aliases.champion}`, note: metric === undefined ? only.name : `${only.name} · ${metric[0]} ${formatMetric(metric[1])}` };
}

function reward({ performance }: Overview): FigureProps {
  const found = performance.flatMap((one) => latestReward(one) ?? [])[0];
  if (found === undefined) return { label: "Mean reward", value: NO_VALUE, note: "no outcomes yet" };
  return { label: "Mean reward", value: formatMetric(found.meanReward), note: `${formatDay(found.atMs)} · ${counted(found.answers, "answer")}` };
}

function drift({ drift: models }: Overview): FigureProps {
  const latest = models.flatMap(({ windows }) => windows.at(-1)?.features ?? []);
  if (latest.length === 0) return { label: "Drifted features", value: NO_VALUE, note: "no window is full yet" };
  return { label: "Drifted features", value: String(latest.filter((feature) => feature.drifted).length), unit: ` of ${latest.length}`, note: "in the latest window" };
}
