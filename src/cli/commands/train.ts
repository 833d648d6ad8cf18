/** `strata train`: train a model now, with progress, and see what it is worth. */
import { StrataError } from "../../kernel/errors.ts";
import type { ErrorBody } from "../../kernel/errors.ts";
import type { TrainingProgress } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatElapsed, formatNumber } from "../terminal/format.ts";

interface TrainingReport {
  readonly version: number;
  readonly passed: boolean;
  readonly rows: number;
  readonly groups: number;
  readonly elapsedMs: number;
  readonly quality: readonly { readonly metric: string; readonly name: string; readonly value: number; readonly low?: number; readonly high?: number }[];
  readonly gates: readonly { readonly metric: string; readonly passed: boolean; readonly reason: string }[];
}

export const command = defineCommand({
  name: "train",
  summary: "Train a model now and put it through its gates",
  description: "Builds the training set as of now (point-in-time), trains, evaluates on held-out time beside baselines and the champion, registers the version, and starts its rollout if the gates pass.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "1h", description: "How long to wait for the result" }, reason: { type: "string", default: "asked for by hand", description: "Why; kept with the run" } },
  positionals: { model: { description: "Name of the model" } },
  examples: [{ command: "strata train ranker", note: "train, evaluate, and roll out if it is good" }],
  run: async (context) => {
    await using client = openApiClient(context);
    using bar = context.terminal.progress({ label: `training ${context.positionals.model}`, total: 1 });
    const path = `/v1/models/${encodeURIComponent(context.positionals.model)}/train`;
    for await (const { event, data } of client.stream(path, { method: "POST", body: { reason: context.options.reason }, signal: context.signal })) {
      const value: unknown = JSON.parse(data);
      if (event === "progress") showProgress(bar, value as TrainingProgress); // the server of this same package sent it
      if (event === "result") return value as TrainingReport;
      if (event === "error") throw errorOf(value as ErrorBody);
    }
    throw new StrataError("ABORTED", { what: "The training" });
  },
  exitCode: ({ passed }) => (passed ? 0 : 1),
  render: (report, { terminal, positionals }) => {
    terminal.print(`${positionals.model} v${report.version}: ${formatNumber(report.rows)} rows${report.groups > 0 ? ` in ${formatNumber(report.groups)} groups` : ""}, ${formatElapsed(report.elapsedMs)}`);
    terminal.table([
      { header: "METRIC", value: (row) => row.metric },
      { header: "MODEL", value: (row) => row.name },
      { header: "VALUE", align: "right", value: (row) => formatNumber(row.value, 4) },
      { header: "95 % INTERVAL", value: (row) => (row.low === undefined || row.high === undefined ? "" : `${formatNumber(row.low, 4)} … ${formatNumber(row.high, 4)}`) },
    ], report.quality);
    for (const gate of report.gates) {
      if (gate.passed) terminal.success(gate.reason);
      else terminal.warn(gate.reason);
    }
  },
});

function showProgress(bar: { update(done: number, detail?: string): void }, { share, stage, detail }: TrainingProgress): void {
  bar.update(share, detail === "" ? stage : `${stage}: ${detail}`);
}

/** The server's error, raised again on this side. */
function errorOf(body: ErrorBody): StrataError {
  return new StrataError("INTERNAL", { reason: `${body.code}: ${body.message}` }, { problems: body.problems ?? [] });
}
