/** `strata quality show`, `history` and `resume`: how the rules of the running definition stand. */
import type { PastVerdict, QualityHistory, QualityList, QualityState } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatTime } from "../../terminal/format.ts";
import { countFailures, printVerdicts } from "./verdict-view.ts";

export const SAMPLES = { type: "number", integer: true, minimum: 0, maximum: 20, default: 3, description: "Offending events to show for each failing rule" } as const;

export const show = defineCommand({
  name: "show",
  summary: "Show how each rule stands, with samples of what offends",
  description: "Waits until every event that is durable now was judged, then shows each rule's verdict over its window. Exit status 1 when a rule fails or a stream is stopped.",
  options: { ...SERVER_OPTIONS, samples: SAMPLES },
  positionals: { expectations: { description: "Only these expectations", optional: true } },
  examples: [
    { command: "strata quality show", note: "every rule" },
    { command: "strata quality show purchases_quality --samples 20", note: "one set, with all samples" },
  ],
  run: async (context): Promise<readonly QualityState[]> => {
    const { positionals: { expectations }, signal } = context;
    await using client = openApiClient(context);
    if (expectations !== undefined) return [await client.get<QualityState>(`/v1/quality/${encodeURIComponent(expectations)}`, { signal })];
    return (await client.get<QualityList>("/v1/quality", { signal })).expectations;
  },
  exitCode: (states) => (states.some(({ stop, verdicts }) => stop !== null || countFailures(verdicts) > 0) ? 1 : 0),
  render: (states, { terminal, options }) => {
    if (states.length === 0) terminal.print("The definition has no expectations; declare some with defineExpectations.");
    for (const [at, { name, stream, stop, acceptance, verdicts }] of states.entries()) {
      if (at > 0) terminal.print();
      terminal.print(`${terminal.palette.bold(name)} of stream ${stream}`);
      if (stop !== null) terminal.print(terminal.palette.red(`STOPPED since ${formatTime(stop.atMs)} by ${stop.expectations}.${stop.rule}: ${stop.reason}`));
      if (stop !== null) terminal.note(`next: mend the producer, then \`strata quality resume ${stream} --reason "..."\``);
      if (acceptance !== null) terminal.print(terminal.palette.dim(`accepted up to offset ${acceptance.nextOffset} at ${formatTime(acceptance.atMs)}: ${acceptance.reason}`));
      printVerdicts(verdicts, { terminal }, options);
    }
  },
});

export const history = defineCommand({
  name: "history",
  summary: "Show past verdicts of rules, newest first",
  description: "Every change of a rule's status, one verdict per window, and every check of the lake.",
  options: {
    ...SERVER_OPTIONS,
    rule: { type: "string", description: "Only this rule" },
    status: { type: "enum", values: ["passing", "failing", "waiting", "skipped"], description: "Only verdicts with this status" },
    since: { type: "string", placeholder: "time", description: "Only verdicts from this time on (ISO 8601)" },
    limit: { type: "number", integer: true, minimum: 1, maximum: 2_000, default: 30, description: "Most to show" },
  },
  positionals: { expectations: { description: "Name of the expectations" } },
  examples: [{ command: "strata quality history purchases_quality --status failing", note: "what failed, and when" }],
  run: async (context): Promise<readonly PastVerdict[]> => {
    const { positionals: { expectations }, options: { rule, status, since, limit }, signal } = context;
    await using client = openApiClient(context);
    return (await client.get<QualityHistory>(`/v1/quality/${encodeURIComponent(expectations)}/history`, { query: { rule, status, since, limit }, signal })).verdicts;
  },
  render: (verdicts, { terminal }) => terminal.table<PastVerdict>([
    { title: "at", value: ({ recordedAtMs }) => formatTime(recordedAtMs) },
    { title: "rule", value: ({ rule }) => rule },
    { title: "status", value: ({ status }) => (status === "failing" ? terminal.palette.red(status) : status) },
    { title: "from", value: ({ source }) => source },
    { title: "verdict", value: ({ sentence }) => sentence },
  ], verdicts, { empty: "nothing was judged yet" }),
});

interface Resumed {
  readonly resumed: { readonly expectations: string; readonly rule: string; readonly reason: string } | null;
  readonly acceptance: { readonly nextOffset: number };
}

export const resume = defineCommand({
  name: "resume",
  summary: "Open a stopped stream, and accept the data it holds",
  description: "A stream that a stop rule has closed takes events again. What it holds is accepted with your reason: it neither stops the stream nor a training again. Rules judge what comes from here on.",
  options: { ...SERVER_OPTIONS, reason: { type: "string", placeholder: "text", description: "Why the data are accepted; kept on record", required: true } },
  positionals: { stream: { description: "Name of the stream" } },
  examples: [{ command: "strata quality resume purchases --reason \"the producer is mended\"", note: "after a look at `strata quality show`" }],
  run: async (context): Promise<Resumed> => {
    const { positionals: { stream }, options: { reason }, signal } = context;
    await using client = openApiClient(context);
    return await client.post<Resumed>("/v1/quality/resume", { stream, reason }, { signal });
  },
  render: ({ resumed, acceptance }, { terminal, positionals: { stream } }) => {
    terminal.print(resumed === null ? `${stream} was not stopped` : `${stream} takes events again; ${resumed.expectations}.${resumed.rule} had stopped it: ${resumed.reason}`);
    terminal.print(`what it holds up to offset ${acceptance.nextOffset} is accepted`);
  },
});
