/** Serving: a row per model that answers tensors, with its versions, batches, traffic and replicas behind it. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { formatCount, formatRate } from "../format/numbers.ts";
import { Empty, Section } from "../parts.ts";
import type { ServingOverview } from "../../src/protocols/admin/overview.ts";
import { ServedModel } from "./served-model.ts";

export interface ServingSectionProps {
  readonly serving: ServingOverview;
  readonly nowMs: number;
  /** The model whose versions are open. */
  readonly selected: string | undefined;
}

export function ServingSection({ serving: { models }, nowMs, selected }: ServingSectionProps): ComponentChild {
  const perSecond = models.reduce((sum, model) => sum + model.requestsPerSecond, 0);
  const requests = models.reduce((sum, model) => sum + model.requests, 0);
  return h(Section, { name: "serving", title: "Serving", hint: `${formatRate(perSecond)} inferences/s now, ${formatCount(requests)} since the start. Latencies of the last minute; choose a model for its versions.` },
    models.length === 0 ? h(Empty, { text: "No model is served. Add one with defineServedModel to the definition file, then apply it.", command: "strata apply" })
      : h("div", { class: "card served" }, models.map((model) => h(ServedModel, { key: model.name, model, nowMs, isOpen: selected === model.name }))));
}
