/** What changed since training: features over windows, the chosen one as a line, and what answers earned. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { Heatmap } from "../charts/heatmap.ts";
import { LineChart } from "../charts/line-chart.ts";
import { DRIFT_FROM, WATCH_FROM } from "../charts/psi-bands.ts";
import { PLATFORM_TIME } from "../charts/time-axis.ts";
import { counted, formatMetric, formatPsi } from "../format/numbers.ts";
import { formatMoment } from "../format/times.ts";
import { Badge, Card, Empty, Section } from "../parts.ts";
import type { DriftOverview, Overview, PerformanceOverview } from "../../src/protocols/admin/overview.ts";
import { PREDICTION, driftLine, driftRows, rewardSeries } from "./drift-rows.ts";

export function DriftSection({ overview: { drift, performance } }: { readonly overview: Overview }): ComponentChild {
  const measured = drift.filter(({ windows }) => windows.length > 0);
  return h(Section, { name: "drift", title: "Drift and performance", hint: "Live values against those of the training (population stability index), and the mean reward per answer." },
    measured.length === 0 ? h(Empty, { text: "No drift window is full yet. A window closes when a trained model has answered enough requests; send some to its endpoint." }) : null,
    measured.map((one) => h(Drift, { key: one.model, drift: one })),
    performance.map((one) => h(Performance, { key: one.endpoint, performance: one })));
}

/** Rows before "show all": the severe ones are at the top. */
const FIRST_ROWS = 13;

function Drift({ drift }: { readonly drift: DriftOverview }): ComponentChild {
  const [chosen, choose] = useState<string | undefined>(undefined);
  const [isOpen, open] = useState(false);
  const { model, version, windows } = drift;
  const rows = driftRows(drift);
  const shown = rows.find((row) => row.name === chosen) ?? rows.find((row) => row.name !== PREDICTION) ?? rows[0];
  const drifted = windows.at(-1)?.features.filter((feature) => feature.drifted).length ?? 0;
  const last = windows.at(-1);
  return h(Card, {
    title: `${model} v${version}`, note: `${counted(windows.length, "window")}${last === undefined ? "" : ` of ${counted(last.rows, "row")}, latest ${formatMoment(last.atMs)}`}`,
    aside: h(Badge, { tone: drifted > 0 ? "warning" : "good" }, drifted > 0 ? `${counted(drifted, "feature")} drifted` : "no feature drifted"),
  },
    h("div", { class: "drift" },
      h("div", null,
        h(Heatmap, { label: `Drift of ${model} by feature and window`, rows: isOpen ? rows : rows.slice(0, FIRST_ROWS), columns: windows.map(({ atMs }) => formatMoment(atMs)), selected: shown?.name, onSelect: choose }),
        rows.length > FIRST_ROWS ? h("button", { type: "button", class: "link", onClick: () => open(!isOpen) }, isOpen ? "Show the most severe only" : `Show all ${rows.length} rows`) : null),
      shown === undefined ? null : h("div", { class: "drift-line" }, h("h4", null, shown.name),
        h(LineChart, {
          ...PLATFORM_TIME, label: `PSI of ${shown.name}`, series: [{ ...driftLine(shown, drift), name: "PSI" }], formatY: formatPsi, height: 200,
          thresholds: [{ value: WATCH_FROM, label: `moderate from ${WATCH_FROM}`, tone: "warning" }, { value: DRIFT_FROM, label: `large from ${DRIFT_FROM}`, tone: "bad" }],
        }),
        h(Latest, { name: shown.name, drift }))));
}

function Latest({ name, drift: { windows } }: { readonly name: string; readonly drift: DriftOverview }): ComponentChild {
  const last = windows.at(-1);
  const found = name === PREDICTION ? last?.prediction : last?.features.find((feature) => feature.name === name);
  if (found === undefined) return null;
  const ks = found.ks === null ? "" : `, KS distance ${formatPsi(found.ks)}`;
  return h("p", { class: "quiet" }, `In the latest window: PSI ${formatPsi(found.psi)}${ks}; ${found.drifted ? "drifted by at least one test, beyond chance" : "not counted as drifted"}.`);
}

function Performance({ performance }: { readonly performance: PerformanceOverview }): ComponentChild {
  const series = rewardSeries(performance);
  const hasOpen = series.some(({ points }) => points.some((point) => point.isOpen === true));
  return h(Card, { title: `Mean reward at ${performance.endpoint}`, note: `per answer of ${performance.model}, by version and variant` },
    series.length === 0 ? h(Empty, { text: "No outcome has been joined to an answer yet. Send outcomes that carry the decision id of the answer." })
      : h(LineChart, { ...PLATFORM_TIME, label: `Mean reward at ${performance.endpoint}`, series, formatY: formatMetric, height: 200, isFromZero: false }),
    hasOpen ? h("p", { class: "quiet" }, "Hollow points: some answers of the window still wait for their outcome.") : null);
}
