/** Training runs, and the curves of up to three of them over each other. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { LineChart } from "../charts/line-chart.ts";
import { ticksOf } from "../charts/scale.ts";
import { marksOfSteps } from "../charts/time-axis.ts";
import { formatMetric } from "../format/numbers.ts";
import { formatAgo, formatMoment } from "../format/times.ts";
import { Badge, Table } from "../parts.ts";
import type { BadgeProps } from "../parts.ts";
import type { RunOverview } from "../../src/protocols/admin/overview.ts";
import { MOST_RUNS, curveCharts, finalMetrics, letterOf, toggleRun } from "./run-curves.ts";

const STATUS_TONES: Readonly<Record<RunOverview["status"], NonNullable<BadgeProps["tone"]>>> = { running: "active", finished: "good", failed: "bad", cancelled: "info" };
const MOST_METRICS = 3;

export function Runs({ runs, nowMs }: { readonly runs: readonly RunOverview[]; readonly nowMs: number }): ComponentChild {
  const [picked, pick] = useState<readonly string[] | undefined>(undefined);
  const newest = runs.find((run) => Object.keys(run.curves).length > 0)?.id;
  const chosen = picked ?? (newest === undefined ? [] : [newest]);
  if (runs.length === 0) return null;
  const compared = chosen.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  return h("div", { class: "runs" },
    h("h4", null, "Runs ", h("small", null, `choose up to ${MOST_RUNS} to compare`)),
    h(RunTable, { runs, nowMs, compared, onToggle: (id) => pick(toggleRun(chosen, id)) }),
    h(Curves, { runs: compared }));
}

interface RunTableProps {
  readonly runs: readonly RunOverview[];
  readonly compared: readonly RunOverview[];
  readonly nowMs: number;
  readonly onToggle: (id: string) => void;
}

function RunTable({ runs, compared, nowMs, onToggle }: RunTableProps): ComponentChild {
  const metrics = finalMetrics(runs).slice(0, MOST_METRICS);
  return h(Table, {
    label: "Runs", columns: [{ title: "Compare" }, { title: "Run" }, { title: "Status" }, { title: "Started" }, { title: "Because of" }, ...metrics.map((title) => ({ title, isNumber: true }))],
    rows: runs.map((run) => {
      const at = compared.indexOf(run);
      return {
        key: run.id, isSelected: at >= 0,
        cells: [
          h("label", { class: `compare compare-${at + 1}` }, h("input", { type: "checkbox", checked: at >= 0, disabled: Object.keys(run.curves).length === 0, "aria-label": `Show run ${run.id}`, onChange: () => onToggle(run.id) }), at >= 0 && compared.length > 1 ? h("b", null, letterOf(at)) : null),
          h("code", { title: run.id }, run.id), h(Badge, { tone: STATUS_TONES[run.status] }, run.status), h("time", { title: `${formatMoment(run.startedAtMs)} UTC` }, formatAgo(run.startedAtMs, nowMs)), run.trigger,
          ...metrics.map((metric) => formatMetric(run.metrics[metric])),
        ],
      };
    }),
  });
}

/** Charts beside each other before it becomes a wall of them. */
const MOST_CHARTS = 4;

function Curves({ runs }: { readonly runs: readonly RunOverview[] }): ComponentChild {
  const charts = curveCharts(runs).slice(0, MOST_CHARTS);
  if (charts.length === 0) return h("p", { class: "quiet" }, runs.length === 0 ? "No run is chosen." : "The chosen runs recorded no curves.");
  return h("div", { class: "pair" }, charts.map(({ metric, series }) => h("div", { key: metric }, h("h4", null, metric),
    h(LineChart, {
      label: `${metric} over iterations`, series, isFromZero: false, formatY: formatMetric, formatX: (step) => `iteration ${step}`,
      marksOfX: (from, to, count) => marksOfSteps(ticksOf(from, to, count)),
    }))));
}
