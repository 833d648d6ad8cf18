/** The loop with its panel, and in words what flows back. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useCallback } from "preact/hooks";
import { counted, formatShare } from "../format/numbers.ts";
import type { DefinitionFacts } from "../live/definition-facts.ts";
import { DetailsPanel } from "../loop/details-panel.ts";
import { detailsOf } from "../loop/details.ts";
import { buildLoop } from "../loop/graph.ts";
import type { LoopEdge } from "../loop/graph.ts";
import { LoopPicture } from "../loop/loop-picture.ts";
import { Badge, Empty, Section } from "../parts.ts";
import { routeHash } from "../route.ts";
import type { ModelOverview, Overview } from "../../src/protocols/admin/overview.ts";

export interface LoopSectionProps {
  readonly overview: Overview;
  readonly facts: DefinitionFacts;
  readonly selected: string | undefined;
}

export function LoopSection({ overview, facts, selected }: LoopSectionProps): ComponentChild {
  const graph = buildLoop(overview, facts);
  const open = useCallback((id: string) => { location.hash = routeHash({ section: "loop", item: id }); }, []);
  const close = useCallback(() => { location.hash = routeHash({ section: "loop" }); }, []);
  return h(Section, { name: "loop", title: "The loop", hint: summaryOf(overview) }, h("div", { class: selected === undefined ? "loop-split" : "loop-split open" },
    h("div", { class: "card loop-card" },
      graph.nodes.length === 0
        ? h(Empty, { text: "The definition has no streams, models or endpoints yet. Add some to the definition file, then apply it.", command: "strata apply" })
        : h(LoopPicture, { graph, label: "The loop: streams, features, models, endpoints, and outcomes back", selected, onSelect: open }),
      h("ul", { class: "loop-notes" }, graph.edges.filter((edge) => edge.kind !== "flow").map((edge) => h(Feedback, { key: edge.id, edge, models: overview.models })))),
    selected === undefined ? null : h(DetailsPanel, { id: selected, details: detailsOf(selected, overview, facts), onClose: close })));
}

function summaryOf({ streams, featureViews, candidates, models, endpoints }: Overview): string {
  const candidateText = candidates.length === 0 ? "" : ` and ${counted(candidates.length, "candidate source")}`;
  return `${counted(streams.length, "stream")}, ${counted(featureViews.length, "feature view")}${candidateText}, ${counted(models.length, "model")}, ${counted(endpoints.length, "endpoint")}. Choose a part for its details.`;
}

function Feedback({ edge, models }: { readonly edge: LoopEdge; readonly models: readonly ModelOverview[] }): ComponentChild {
  if (edge.kind === "outcome") return h("li", null, h("b", null, "Outcomes"), h("span", null, edge.text));
  const training = models.find((model) => `model:${model.name}` === edge.to)?.training;
  if (training === undefined) return edge.text === "" ? null : h("li", null, h("b", null, "Retraining"), h("span", null, edge.text));
  return h("li", { class: "training" },
    h("b", null, "Training"), h("span", null, h(Badge, { tone: "active" }, `${training.stage} ${formatShare(training.share)}`), " ", training.detail),
    h("progress", { value: training.share, max: 1, "aria-label": `Training of ${edge.to.slice("model:".length)}` }));
}
