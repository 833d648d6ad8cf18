/** `strata quality check`, `contract` and `verify`: rules over the lake, or over a file before it is sent. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { StrataError, listProblems, reasonOf } from "../../../kernel/errors.ts";
import type { CheckReport, DataContract } from "../../../platform/api.ts";
import type { ContractReport } from "../../../platform/contract-files.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { OptionTable } from "../../option.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatCount, formatElapsed } from "../../terminal/format.ts";
import { eventFormats, readEventFile } from "./event-values.ts";
import { followWork } from "./followed-work.ts";
import { SAMPLES } from "./show.ts";
import { countFailures, printVerdicts } from "./verdict-view.ts";

type Checked = { readonly lake: CheckReport } | { readonly file: ContractReport };

const FILE_OPTIONS = {
  format: { type: "enum", values: eventFormats, description: "What the file is (default: by its name, else by how it begins)" },
  strict: { type: "boolean", description: "Rules that only warn count, too" },
  samples: SAMPLES,
} as const satisfies OptionTable;

export const check = defineCommand({
  name: "check",
  summary: "Judge a stream in the lake, or a file before it is sent",
  description: "Judges every event that the lake has of a stream (or a snapshot of it) by the stream's expectations, custom SQL included. With --file, a file is judged by them without being sent: NDJSON, a JSON array, CSV (also gzipped) or Parquet. Exit status 1 when a rule fails.",
  options: {
    ...SERVER_OPTIONS, ...FILE_OPTIONS,
    timeout: { type: "duration", default: "10m", description: "How long to wait for an answer" },
    snapshot: { type: "string", placeholder: "id", description: "A snapshot of the lake, or the beginning of its id (default: what it has now)" },
    file: { type: "string", placeholder: "path", description: "Judge this file instead of the lake" },
    stream: { type: "string", placeholder: "name", description: "The stream; the same as naming it first" },
  },
  positionals: { name: { description: "Name of the stream", optional: true } },
  examples: [
    { command: "strata quality check purchases", note: "everything in the lake" },
    { command: "strata quality check --file orders.csv --stream purchases", note: "a file before it is sent" },
  ],
  run: async (context): Promise<Checked> => {
    const { positionals: { name }, options: { file, snapshot, stream = name }, usageError } = context;
    if (stream === undefined) throw usageError("Name the stream: `strata quality check purchases`.");
    if (file !== undefined && snapshot !== undefined) throw usageError("Give either --file or --snapshot.");
    if (file === undefined) return { lake: await followWork<CheckReport>(context, { path: "/v1/quality/check", body: { stream, snapshot }, label: `checking ${stream}` }) };
    const contract = await readRunningContract(context, stream);
    return { file: await verifyFile(context, { contract: JSON.stringify(contract), contractPath: `the contract of ${stream}`, file }) };
  },
  exitCode: (checked) => ("lake" in checked ? Number(!checked.lake.passed) : Number(!checked.file.kept)),
  render: (checked, context) => {
    if ("file" in checked) return printFileReport(checked.file, context);
    const { lake: { rows, snapshot, reports, elapsedMs } } = checked;
    for (const { verdicts } of reports) printVerdicts(verdicts, context, context.options);
    const failures = reports.reduce((sum, { verdicts }) => sum + countFailures(verdicts), 0);
    context.terminal.print(`${formatCount(rows, "event")} judged in ${formatElapsed(elapsedMs)}: ${formatCount(failures, "rule fails", "rules fail")} (snapshot ${snapshot.slice(0, 12)})`);
  },
});

export const contract = defineCommand({
  name: "contract",
  summary: "Print a stream's data contract: JSON Schema and expectations",
  description: "What a producer needs to check its events in its own build: keep the document beside its code and run `strata quality verify`, which asks no server.",
  options: SERVER_OPTIONS,
  positionals: { stream: { description: "Name of the stream" } },
  examples: [{ command: "strata quality contract purchases > purchases.contract.json", note: "the contract as a file" }],
  run: (context) => readRunningContract(context, context.positionals.stream),
});

export const verify = defineCommand({
  name: "verify",
  summary: "Check a file of events against a data contract, without a server",
  description: "For a producer's own build. The file may be NDJSON, a JSON array, CSV (also gzipped) or Parquet. Exit status 1 when the schema refuses an event or a rule fails that quarantines or stops; with --strict, also for rules that only warn.",
  options: { ...FILE_OPTIONS, contract: { type: "string", placeholder: "path", description: "The contract, from `strata quality contract`", required: true } },
  positionals: { file: { description: "Events to check; \"-\" reads stdin" } },
  examples: [{ command: "strata quality verify sample.ndjson --contract purchases.contract.json", note: "in a producer's build" }],
  run: async (context): Promise<ContractReport> => {
    const { positionals: { file }, options, workingDirectory } = context;
    const text = await readFile(resolve(workingDirectory, options.contract), "utf8").catch((thrown: unknown) => {
      throw (thrown as { readonly code?: unknown }).code === "ENOENT" ? new StrataError("FILE_NOT_FOUND", { path: options.contract }) : new StrataError("FILE_UNREADABLE", { path: options.contract, reason: reasonOf(thrown) }, { cause: thrown });
    });
    return verifyFile(context, { contract: text, contractPath: options.contract, file });
  },
  exitCode: ({ kept }) => Number(!kept),
  render: (report, context) => printFileReport(report, context),
});

async function readRunningContract(context: Parameters<typeof openApiClient>[0] & Pick<CommandContext, "signal">, stream: string): Promise<DataContract> {
  await using client = openApiClient(context);
  return await client.get<DataContract>(`/v1/contracts/${encodeURIComponent(stream)}`, { signal: context.signal });
}

interface FileCheck {
  /** The contract's text. */
  readonly contract: string;
  readonly contractPath: string;
  readonly file: string;
}

type FileContext = CommandContext<typeof FILE_OPTIONS>;

async function verifyFile(context: Pick<FileContext, "options" | "terminal" | "signal" | "clock" | "stdin" | "workingDirectory">, { contract: text, contractPath, file }: FileCheck): Promise<ContractReport> {
  const { options, terminal, signal, clock } = context;
  const { openContract } = await import("../../../platform/contract-files.ts");
  await using opened = await openContract(text, contractPath);
  using bar = terminal.progress({ label: `checking ${file}` });
  const batches = await readEventFile(file, { context, contract: opened, format: options.format });
  const report = await opened.check(batches, { source: file, nowMs: clock.now(), signal, onProgress: (events) => bar.update(events) });
  return options.strict ? { ...report, kept: report.kept && countFailures(report.verdicts) === 0 } : report;
}

function printFileReport(report: ContractReport, context: Pick<FileContext, "terminal" | "options">): void {
  const { terminal, options } = context;
  const { events, refused, reasons, refusals, verdicts, kept, stream } = report;
  if (refused > 0) {
    terminal.print(`${terminal.palette.red("✗")} ${terminal.palette.bold("schema")}  ${formatCount(refused, "event")} of ${events} would be refused`);
    terminal.bars(Object.entries(reasons).map(([label, value]) => ({ label, value })));
    for (const { place, problems } of refusals.slice(0, options.samples)) terminal.print(terminal.palette.dim(`    at ${place}  ${listProblems(problems)}`));
  } else {
    terminal.print(`${terminal.palette.green("✓")} ${terminal.palette.bold("schema")}  accepts ${formatCount(events, "event")}`);
  }
  printVerdicts(verdicts, context, options);
  terminal.print(kept ? `The file keeps the contract of ${stream}.` : `The file does not keep the contract of ${stream}.`);
}
