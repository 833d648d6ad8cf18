/** `strata train`: train a model now, with progress, and see what it is worth. */
import { StrataError, type ErrorBody } from "../../kernel/errors.ts";
import type { TrainingProgress, TrainingReport } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { errorOfResponse } from "../remote-error.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatCount, formatElapsed, formatNumber, formatPercent } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";

type Quality = TrainingReport["quality"][number];

export const command = defineCommand({
  name: "train",
  summary: "Train a model now and put it through its gates",
  description: "Builds the training set as of now (point-in-time), trains, evaluates on held-out time beside baselines and the champion, registers the version, and starts its rollout if the gates pass. Exit status 1 when they do not.",
  options: { ...SERVER_OPTIONS, reason: { type: "string", placeholder: "text", default: "asked for by hand", description: "Why; kept with the run" } },
  positionals: { model: { description: "Name of the model" } },
  examples: [{ command: "strata train ranker", note: "train, evaluate, and roll out if it is good" }],
  run: async (context): Promise<TrainingReport> => {
    const { positionals: { model }, options: { reason }, signal, terminal } = context;
    await using client = openApiClient(context);
    using follower = followStages(terminal, model);
    const answer = client.stream(`/v1/models/${encodeURIComponent(model)}/train`, { body: { reason }, signal });
    for await (const { event, data } of answer) {
      const value: unknown = JSON.parse(data);
      // What each event carries is settled by its name; the server of this same package sent it.
      if (event === "progress") follower.show(value as TrainingProgress);
      if (event === "result") return value as TrainingReport;
      if (event === "error") throw remoteError(value as ErrorBody, client.url);
    }
    if (signal.aborted) throw new StrataError("ABORTED", { what: "The training" });
    throw new StrataError("SERVER_UNREACHABLE", { url: client.url, reason: "it stopped before the training was done" });
  },
  exitCode: ({ passed }) => (passed ? 0 : 1),
  render: renderReport,
});

interface StageFollower extends Disposable {
  show(progress: TrainingProgress): void;
}

/** A bar over the whole training, and a permanent line per stage, so that a log of it can be read later. */
function followStages(terminal: Terminal, model: string): StageFollower {
  const bar = terminal.progress({ label: `training ${model}`, total: 1, format: (share) => formatPercent(share, 0) });
  let shown = "";
  return {
    show: ({ stage, share }) => {
      if (stage !== shown) terminal.note(`· ${stage}`);
      shown = stage;
      bar.update(share);
    },
    [Symbol.dispose]: () => bar[Symbol.dispose](),
  };
}

/** The server's error, raised again on this side. */
function remoteError(error: ErrorBody, url: string): StrataError {
  return errorOfResponse({ status: 200, url, text: JSON.stringify({ error }) });
}

export function renderReport(report: TrainingReport, { terminal, positionals }: Pick<CommandContext, "terminal"> & { readonly positionals: { readonly model: string } }): void {
  const groups = report.groups > 0 ? ` in ${formatCount(report.groups, "group")}` : "";
  terminal.print(`${terminal.palette.bold(`${positionals.model} v${report.version}`)} learned from ${formatCount(report.rows, "row")}${groups} in ${formatElapsed(report.elapsedMs)}`);
  terminal.print();
  terminal.table<Quality>([
    { title: "metric", value: ({ metric }) => metric },
    { title: "of", value: ({ name }) => name },
    { title: "value", value: ({ value }) => formatNumber(value, 4), align: "right" },
    { title: "95 % interval", value: ({ low, high }) => (low === undefined || high === undefined ? undefined : `${formatNumber(low, 4)} to ${formatNumber(high, 4)}`) },
  ], report.quality, { empty: "nothing was measured" });
  terminal.print();
  for (const { passed, reason } of report.gates) terminal.print(`${passed ? terminal.palette.green("✓") : terminal.palette.red("✗")} ${reason}`);
  terminal.print(report.passed ? "The gates passed." : "The gates did not pass: this version gets no traffic.");
}
