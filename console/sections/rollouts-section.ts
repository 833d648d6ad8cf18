/** The challenger on trial: where the rollout stands, what both arms earned, and how sure that is. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { IntervalChart } from "../charts/interval.ts";
import { counted, formatDifference, formatMetric, formatShare } from "../format/numbers.ts";
import { formatAgo, formatMoment } from "../format/times.ts";
import type { DefinitionFacts } from "../live/definition-facts.ts";
import { isActive } from "../loop/marks.ts";
import { Badge, Card, Empty, Figure, Section, Table } from "../parts.ts";
import type { BadgeProps } from "../parts.ts";
import type { Overview, RolloutOverview } from "../../src/protocols/admin/overview.ts";
import { marginOf, rolloutSteps } from "./rollout-steps.ts";

export function RolloutsSection({ overview: { rollouts, nowMs, models }, facts }: { readonly overview: Overview; readonly facts: DefinitionFacts }): ComponentChild {
  const [active, ended] = [rollouts.filter(({ phase }) => isActive(phase)), rollouts.filter(({ phase }) => !isActive(phase))];
  const command = models[0] === undefined ? {} : { command: `strata train ${models[0].name}` };
  return h(Section, { name: "rollouts", title: "Rollouts", hint: "A challenger answers a growing share of the traffic until the outcomes decide." },
    active.length === 0 ? h(Empty, { text: "No challenger is on trial. A trained version that passes its gates goes on trial by itself.", ...command }) : null,
    active.map((rollout) => h(Trial, { key: `${rollout.model} ${rollout.challenger}`, rollout, facts, nowMs })),
    ended.length === 0 ? null : h(Card, { title: "Ended" }, h(Ended, { rollouts: ended })));
}

interface TrialProps {
  readonly rollout: RolloutOverview;
  readonly facts: DefinitionFacts;
  readonly nowMs: number;
}

function Trial({ rollout, facts, nowMs }: TrialProps): ComponentChild {
  const { model, endpoint, champion, challenger, share, phase, startedAtMs, reason } = rollout;
  const rules = facts.rollouts[endpoint];
  return h(Card, { title: `${model}: v${challenger} against ${champion === undefined ? "nobody" : `v${champion}`}`, note: `at ${endpoint}, since ${formatMoment(startedAtMs)} (${formatAgo(startedAtMs, nowMs)})`, aside: h(Badge, { tone: "info" }, phase === "canary" ? `canary ${formatShare(share)}` : phase) },
    h("ol", { class: "steps", "aria-label": "Steps of the rollout" }, rolloutSteps(rollout, rules?.steps).map(({ name, state }) =>
      h("li", { key: name, class: state, ...(state === "now" ? { "aria-current": "step" as const } : {}) }, h("span", null, name)))),
    rollout.test === undefined ? h("p", { class: "quiet" }, "No outcomes to compare yet.") : h(Comparison, { rollout, test: rollout.test, margin: marginOf(rollout, rules?.margin) }),
    h("p", { class: "reason" }, reason));
}

interface ComparisonProps {
  readonly rollout: RolloutOverview;
  readonly test: NonNullable<RolloutOverview["test"]>;
  readonly margin: number | undefined;
}

function Comparison({ rollout: { champion, challenger }, test, margin }: ComparisonProps): ComponentChild {
  const { championMean, challengerMean, championN, challengerN, low, high } = test;
  const difference = challengerMean - championMean;
  const relative = championMean === 0 ? undefined : `${difference > 0 ? "+" : difference < 0 ? "−" : ""}${formatShare(Math.abs(difference / championMean))}`;
  return h("div", { class: "comparison" },
    h("dl", { class: "figures" },
      h(Figure, { label: champion === undefined ? "Champion" : `Champion v${champion}`, value: formatMetric(championMean), note: counted(championN, "outcome") }),
      h(Figure, { label: `Challenger v${challenger}`, value: formatMetric(challengerMean), note: counted(challengerN, "outcome") }),
      h(Figure, { label: "Difference", value: formatDifference(difference), ...(relative === undefined ? {} : { note: relative }) })),
    h("div", null, h("h4", null, "Difference of the mean rewards ", h("small", null, `always-valid interval: ${formatDifference(low)} to ${formatDifference(high)}`)), h(IntervalChart, { low, high, middle: difference, margin })));
}

const PHASE_TONES: Readonly<Record<string, NonNullable<BadgeProps["tone"]>>> = { promoted: "good", rejected: "bad", cancelled: "info" };

function Ended({ rollouts }: { readonly rollouts: readonly RolloutOverview[] }): ComponentChild {
  return h(Table, {
    label: "Ended rollouts", columns: [{ title: "Started" }, { title: "Trial" }, { title: "End" }, { title: "Reason" }],
    rows: rollouts.map(({ model, champion, challenger, startedAtMs, phase, reason }) => ({
      key: `${model} ${challenger} ${startedAtMs}`,
      cells: [formatMoment(startedAtMs), `${model} v${challenger}${champion === undefined ? "" : ` against v${champion}`}`, h(Badge, { tone: PHASE_TONES[phase] ?? "plain" }, phase), h("span", { class: "wrap" }, reason)],
    })),
  });
}
