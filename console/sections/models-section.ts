/** Models: their versions and what each rests on, and the runs that made them. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { BarList } from "../charts/bars.ts";
import { formatMetric, formatShare, formatShareInColumn } from "../format/numbers.ts";
import { formatAgo, formatMoment } from "../format/times.ts";
import { Badge, Card, Empty, Section, Table } from "../parts.ts";
import type { BadgeProps } from "../parts.ts";
import type { ModelOverview, ModelVersionOverview, Overview } from "../../src/protocols/admin/overview.ts";
import { Runs } from "./runs.ts";

export function ModelsSection({ overview: { models, nowMs } }: { readonly overview: Overview }): ComponentChild {
  return h(Section, { name: "models", title: "Models and runs", hint: "Versions, what they rest on, and the trainings that made them." },
    models.length === 0 ? h(Empty, { text: "No model is defined. Add one with defineModel to the definition file, then apply it.", command: "strata apply" }) : null,
    models.map((model) => h(Model, { key: model.name, model, nowMs })));
}

function Model({ model, nowMs }: { readonly model: ModelOverview; readonly nowMs: number }): ComponentChild {
  const { name, description, objective, featureCount, versions, runs, training, aliases } = model;
  const [chosen, choose] = useState<number | undefined>(undefined);
  const shown = versions.find(({ version }) => version === chosen) ?? versions.find(({ version }) => version === aliases.champion) ?? versions[0];
  const aside = training ? h(Badge, { tone: "active" }, `training ${formatShare(training.share)}`) : h(Badge, null, `${objective} · ${featureCount} features`);
  if (shown === undefined) {
    return h(Card, { title: name, note: description, aside }, h(Empty, { text: training ? `The first version is being trained: ${training.stage}, ${formatShare(training.share)} done.` : "No model has been trained yet.", ...(training ? {} : { command: `strata train ${name}` }) }),
      runs.length === 0 ? null : h(Runs, { runs, nowMs }));
  }
  return h(Card, { title: name, note: description, aside },
    h("div", { class: "pair versions" },
      h("div", null, h("h4", null, "Versions"), h(Versions, { model: name, versions, shown: shown.version, nowMs, onChoose: choose })),
      h("div", null, h("h4", null, `What version ${shown.version} rests on`), h(Importances, { version: shown }))),
    h(Runs, { runs, nowMs }));
}

const ALIAS_TONES: Readonly<Record<string, NonNullable<BadgeProps["tone"]>>> = { champion: "good", challenger: "info" };
/** As many as stand beside each other on a small screen. */
const MOST_METRICS = 4;

interface VersionsProps {
  readonly model: string;
  readonly versions: readonly ModelVersionOverview[];
  readonly shown: number;
  readonly nowMs: number;
  readonly onChoose: (version: number) => void;
}

function Versions({ model, versions, shown, nowMs, onChoose }: VersionsProps): ComponentChild {
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].slice(0, MOST_METRICS);
  return h(Table, {
    label: `Versions of ${model}`, columns: [{ title: "Version" }, { title: "Alias" }, { title: "Created" }, ...metrics.map((title) => ({ title, isNumber: true }))],
    rows: versions.map(({ version, aliases, createdAtMs, metrics: values }) => ({
      key: String(version), isSelected: version === shown,
      cells: [
        h("button", { type: "button", class: "link", "aria-pressed": version === shown, onClick: () => onChoose(version) }, `v${version}`),
        aliases.length === 0 ? h("span", { class: "quiet" }, "–") : aliases.map((alias) => h(Badge, { key: alias, tone: ALIAS_TONES[alias] ?? "plain" }, alias)),
        h("time", { title: `${formatMoment(createdAtMs)} UTC` }, formatAgo(createdAtMs, nowMs)),
        ...metrics.map((metric) => formatMetric(values[metric])),
      ],
    })),
  });
}

/** Below these the shares say little. */
const MOST_IMPORTANCES = 12;

function Importances({ version: { version, importances } }: { readonly version: ModelVersionOverview }): ComponentChild {
  if (importances.length === 0) return h("p", { class: "quiet" }, `Version ${version} has no recorded feature importances.`);
  const rest = importances.length - MOST_IMPORTANCES;
  return h("div", null,
    h(BarList, { label: `Feature importances of version ${version}, as shares of the total gain`, values: importances.slice(0, MOST_IMPORTANCES).map(({ feature, share }) => ({ name: feature, value: share })), format: formatShareInColumn }),
    rest > 0 ? h("p", { class: "quiet" }, `and ${rest} more with smaller shares of the gain`) : null);
}
