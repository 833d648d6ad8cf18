/** `strata traffic`: which versions of a served model answer, and moving between them. */
import type { ShadowReport, TrafficView } from "../../platform/api.ts";
import type { CommandContext } from "../command.ts";
import { defineCommand } from "../command.ts";
import type { OptionTable } from "../option.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import type { OptionValues } from "../option.ts";
import { showShadowReport, showTraffic } from "./traffic-view.ts";

const MODEL = { model: { description: "Name of the served model" } } as const;
const MODEL_AND_VERSION = { ...MODEL, version: { description: "Version, as the definition names it" } } as const;
const REASON = { reason: { type: "string", required: true, placeholder: "text", description: "Why; kept with the move" } } as const satisfies OptionTable;
const MOVE_OPTIONS = { ...SERVER_OPTIONS, ...REASON } as const;

const pathOf = (model: string, what: string): string => `/v1/served-models/${encodeURIComponent(model)}/${what}`;

type MoveContext = Pick<CommandContext, "environment" | "signal"> & { readonly options: OptionValues<typeof MOVE_OPTIONS> };

async function post(context: MoveContext, path: string, body: object): Promise<TrafficView> {
  await using client = openApiClient(context);
  return await client.post<TrafficView>(path, { ...body, reason: context.options.reason }, { signal: context.signal });
}

const show = defineCommand({
  name: "show",
  summary: "Which versions answer, how they do, and every move with its reason",
  description: "Shares, answers and failures since the last move, what the judge of a canary says now, and the latest moves.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata traffic show fraud", note: "the versions that answer" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<TrafficView>(pathOf(context.positionals.model, "traffic"), { signal: context.signal });
  },
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const switchOver = defineCommand({
  name: "switch",
  summary: "Blue/green: everybody to another version at once",
  description: "The version is loaded first; what answered before stays loaded, so that `strata traffic rollback` takes no time.",
  options: MOVE_OPTIONS,
  positionals: MODEL_AND_VERSION,
  examples: [{ command: "strata traffic switch fraud 2 --reason \"checked by hand\"", note: "version 2 answers everybody" }],
  run: (context) => post(context, pathOf(context.positionals.model, "traffic"), { switch: { version: context.positionals.version } }),
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const canary = defineCommand({
  name: "canary",
  summary: "Try a version on rising shares, judged as it goes",
  description: "An always-valid test compares errors (and, with --slo, slow answers) with stable on every second. Harm ends it at once; a step without harm raises the share, and after the last the version is promoted.",
  options: {
    ...MOVE_OPTIONS,
    steps: { type: "string", placeholder: "shares", description: "Rising shares in percent (default 5,25,50)" },
    step: { type: "duration", description: "Shortest time at each share (default 60s)" },
    minimum: { type: "number", integer: true, minimum: 1, description: "Answers needed at each share (default 100)" },
    slo: { type: "duration", description: "An answer that takes longer is slow; slow answers are judged too" },
    shadow: { type: "number", integer: true, minimum: 0, description: "Copies to compare before the first share (default 0)" },
  },
  positionals: MODEL_AND_VERSION,
  examples: [{ command: "strata traffic canary fraud 2 --steps 5,25,50 --slo 100ms --reason \"new features\"", note: "rises by itself, or goes back by itself" }],
  run: (context) => {
    const { steps, step, minimum, slo, shadow } = context.options;
    return post(context, pathOf(context.positionals.model, "traffic"), { canary: {
      version: context.positionals.version, ...(steps !== undefined && { steps: steps.split(",").map((part) => shareOf(context, part)) }),
      ...(step !== undefined && { stepSeconds: step / 1_000 }), ...(minimum !== undefined && { minimumRequests: minimum }),
      ...(slo !== undefined && { sloMs: slo }), ...(shadow !== undefined && { shadowRequests: shadow }),
    } });
  },
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const split = defineCommand({
  name: "split",
  summary: "A/B: variants beside stable by share, each caller always the same",
  description: "Variants are written name=version:percent. Raising a share never moves a caller back to stable. Without variants the split ends.",
  options: { ...MOVE_OPTIONS, variant: { type: "string", multiple: true, placeholder: "name=version:percent", description: "A variant, e.g. b=2:50; may be repeated" } },
  positionals: MODEL,
  examples: [{ command: "strata traffic split fraud --variant b=2:50 --reason \"A/B test 7\"", note: "half of the callers get version 2" }],
  run: (context) => {
    const variants = (context.options.variant ?? []).map((text) => {
      const [, variant, version, percent] = /^([^=]+)=([^:]+):([\d.]+)$/.exec(text) ?? [];
      if (percent === undefined) throw context.usageError(`--variant "${text}" is not name=version:percent.`);
      return { variant, version, share: shareOf(context, percent) };
    });
    return post(context, pathOf(context.positionals.model, "traffic"), { split: { variants } });
  },
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const shadow = defineCommand({
  name: "shadow",
  summary: "Copy requests to a version and compare its answers; nobody gets them",
  description: "Copies run after the caller has its answer. `strata traffic report` shows the differences. Without a version the copies end.",
  options: {
    ...MOVE_OPTIONS,
    share: { type: "number", minimum: 0, maximum: 100, default: 100, placeholder: "percent", description: "Share of requests that are copied, in percent" },
    tolerance: { type: "number", minimum: 0, default: 1e-6, description: "Numbers that differ by at most this are equal" },
  },
  positionals: { ...MODEL, version: { description: "Version that gets copies", optional: true } },
  examples: [{ command: "strata traffic shadow fraud 2 --reason \"before the canary\"", note: "compare version 2 with what answers" }],
  run: (context) => {
    const { version } = context.positionals;
    const { share, tolerance } = context.options;
    return post(context, pathOf(context.positionals.model, "traffic"), { shadow: version === undefined ? null : { version, share: share / 100, tolerance } });
  },
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const promote = defineCommand({
  name: "promote",
  summary: "The canary, or a variant, answers everybody",
  description: "What answered before stays loaded to go back to.",
  options: { ...MOVE_OPTIONS, variant: { type: "string", description: "Which variant, when there are several" } },
  positionals: MODEL,
  examples: [{ command: "strata traffic promote fraud --reason \"good enough\"", note: "end the canary early" }],
  run: (context) => post(context, pathOf(context.positionals.model, "promote"), context.options.variant === undefined ? {} : { variant: context.options.variant }),
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const rollback = defineCommand({
  name: "rollback",
  summary: "End a split or canary, or go back to what answered before",
  description: "Takes effect at once: the version to go back to is loaded.",
  options: MOVE_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata traffic rollback fraud --reason \"complaints\"", note: "undo the last move" }],
  run: (context) => post(context, pathOf(context.positionals.model, "rollback"), {}),
  render: (view, { terminal }) => showTraffic(view, terminal),
});

const report = defineCommand({
  name: "report",
  summary: "How a version's answers to copied requests differ",
  description: "Per output: the share that is equal, the size of the differences, what does not fit at all, with examples; and both versions' latency.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata traffic report fraud", note: "the differences so far" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<ShadowReport>(pathOf(context.positionals.model, "shadow-report"), { signal: context.signal });
  },
  render: (found, { terminal }) => showShadowReport(found, terminal),
});

export const command = defineCommand({
  name: "traffic",
  summary: "Show and move the traffic of a served model between its versions",
  description: "A served model's versions stand side by side; traffic says which of them answers whom. Models that are trained here move by `strata rollout`.",
  examples: [
    { command: "strata traffic show fraud", note: "the versions that answer" },
    { command: "strata traffic canary fraud 2 --slo 100ms --reason \"new features\"", note: "try version 2" },
    { command: "strata traffic rollback fraud --reason \"complaints\"", note: "go back at once" },
  ],
  subcommands: [show, switchOver, canary, split, shadow, promote, rollback, report],
});

function shareOf(context: Pick<CommandContext, "usageError">, percent: string): number {
  const share = Number(percent) / 100;
  if (!(share > 0 && share <= 1)) throw context.usageError(`"${percent}" is not a share in percent.`);
  return share;
}
