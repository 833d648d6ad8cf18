/** `strata conformance oip`: the suite against a server. */
import { checkConformance, grpcBeside } from "../../../platform/conformance.ts";
import type { CaseResult, ConformanceReport } from "../../../platform/conformance.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { formatCount } from "../../terminal/format.ts";
import type { Terminal } from "../../terminal/terminal.ts";

export const oip = defineCommand({
  name: "oip",
  summary: "Run the Open Inference Protocol suite against a server",
  description: "Cases are a must (the protocol says so), an extension (the server announces it) or advice (the protocol is silent, servers differ). A case whose model or extension the server lacks is skipped with that reason; `strata conformance serve` shows which models there are. Exit status 1 when a must differs.",
  options: {
    grpc: { type: "string", placeholder: "host:port", description: "gRPC address (default: the port after the URL's, if gRPC answers there); none for REST alone" },
    filter: { type: "string", placeholder: "text", description: "Only cases with this in their id or area, rest.binary" },
  },
  positionals: { url: { description: "Address of the server, http://host:port" } },
  examples: [
    { command: "strata conformance oip http://127.0.0.1:8000", note: "everything" },
    { command: "strata conformance oip http://127.0.0.1:8000 --grpc none --filter binary", note: "binary tensors over REST" },
    { command: "strata conformance oip http://127.0.0.1:8000 --json > report.json", note: "for comparing servers or runs" },
  ],
  run: async (context) => {
    const { options: { grpc, filter }, positionals: { url }, signal, terminal, usageError } = context;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw usageError(`"${url}" is no http:// or https:// address.`);
    const address = grpc === undefined ? await grpcBeside(url) : grpc === "none" ? undefined : grpc;
    return await checkConformance({
      url, signal, ...(address === undefined ? {} : { grpc: address }), ...(filter === undefined ? {} : { filter }),
      onResult: (result) => { if (context.verbose) terminal.note(`${result.outcome.padEnd(7)} ${result.id}  ${result.title}`); },
    });
  },
  exitCode: ({ conforms, results }) => (conforms && results.length > 0 ? 0 : 1),
  render: (report, { terminal }: Pick<CommandContext, "terminal">) => renderReport(report, terminal),
});

interface AreaRow {
  readonly area: string;
  readonly transport: string;
  readonly results: readonly CaseResult[];
}

function renderReport(report: ConformanceReport, terminal: Terminal): void {
  const { server, url, grpc, passed, differs, skipped, conforms, results } = report;
  terminal.pairs([["server", `${server.name} ${server.version}`], ["REST", url], ["gRPC", grpc ?? "not asked"], ["extensions", server.extensions.join(", ") || "none"]]);
  terminal.print();
  const count = (row: AreaRow, outcome: CaseResult["outcome"]): number | undefined => row.results.filter((result) => result.outcome === outcome).length || undefined;
  terminal.table<AreaRow>([
    { title: "area", value: ({ area }) => area }, { title: "over", value: ({ transport }) => (transport === "grpc" ? "gRPC" : "REST") },
    { title: "passed", value: (row) => count(row, "passed"), align: "right" }, { title: "differs", value: (row) => count(row, "differs"), align: "right" }, { title: "skipped", value: (row) => count(row, "skipped"), align: "right" },
  ], areasOf(results), { empty: "no case has that in its id or area" });
  for (const result of results) if (result.outcome === "differs") renderDifference(result, terminal);
  renderSkips(results, terminal);
  terminal.print();
  const summary = `${formatCount(passed, "case")} passed, ${differs} differ, ${skipped} skipped`;
  if (results.length > 0 && conforms) terminal.success(`the server keeps to the protocol: ${summary}`);
  else terminal.warn(`the server differs from the protocol: ${summary}`);
}

function areasOf(results: readonly CaseResult[]): readonly AreaRow[] {
  return [...Map.groupBy(results, ({ area, transport }) => `${transport} ${area}`).values()].map((group) => ({ area: group[0]!.area, transport: group[0]!.transport, results: group }));
}

function renderDifference({ id, title, severity, section, differences }: CaseResult, terminal: Terminal): void {
  terminal.print();
  terminal.section(`${id} (${severity}): ${title}`, section);
  for (const { what, expected, found } of differences) terminal.pairs([["looked at", what], ["expected", expected], ["found", found]]);
}

function renderSkips(results: readonly CaseResult[], terminal: Terminal): void {
  const reasons = Map.groupBy(results.filter(({ outcome }) => outcome === "skipped"), ({ reason = "" }) => reason);
  if (reasons.size > 0) terminal.print();
  for (const [reason, group] of reasons) terminal.print(`${formatCount(group.length, "case")} skipped: ${reason}`);
}
