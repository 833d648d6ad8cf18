/** `strata streams operations`: long work with its progress. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../../../platform/api.ts";
import { StrataError } from "../../../kernel/errors.ts";
import type { ApiClient } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatElapsed, formatNumber, formatPercent, formatRate, formatTime } from "../../terminal/format.ts";
import type { Column } from "../../terminal/table.ts";
import type { Terminal } from "../../terminal/terminal.ts";

interface OperationList {
  readonly operations: readonly Operation[];
}

const cancel = defineCommand({
  name: "cancel",
  summary: "End an operation",
  description: "What it has done stays as it is.",
  options: SERVER_OPTIONS,
  positionals: { operation: { description: "Its id" } },
  examples: [{ command: "strata streams operations cancel 01KCV2V5G8", note: "end one" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<Operation>(`/v1/operations/${encodeURIComponent(context.positionals.operation)}/cancel`, {}, { signal: context.signal });
  },
  render: (operation, { terminal }) => terminal.table(COLUMNS, [operation]),
});

export const operations = defineCommand({
  name: "operations",
  summary: "List long work: replays, rebuilds, imports, with their progress",
  description: "An operation is a row in the database: it is there after a restart, and one that a crash interrupted goes on by itself.",
  options: { ...SERVER_OPTIONS, limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 20, description: "Most to list" } },
  examples: [{ command: "strata streams operations", note: "newest first" }],
  subcommands: [cancel],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<OperationList>("/v1/operations", { query: { limit: context.options.limit }, signal: context.signal });
  },
  render: ({ operations: list }, { terminal }) => terminal.table(COLUMNS, list),
});

const COLUMNS: readonly Column<Operation>[] = [
  { title: "operation", value: ({ id }) => id },
  { title: "kind", value: ({ kind }) => kind },
  { title: "of", value: ({ subject }) => subject },
  { title: "state", value: ({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`) },
  { title: "done", value: ({ done, total }) => (total === 0 ? formatNumber(done, 0) : `${formatNumber(done, 0)} of ${formatNumber(total, 0)} (${formatPercent(done / total, 0)})`), align: "right" },
  { title: "rate", value: ({ perSecond }) => formatRate(perSecond), align: "right" },
  { title: "left", value: ({ leftMs }) => (leftMs === undefined ? undefined : formatElapsed(leftMs)), align: "right" },
  { title: "started", value: ({ startedAtMs }) => formatTime(startedAtMs) },
];

const LOOK_EVERY_MS = 200;

/** Shows the operation's progress until it ends; leaving it (Ctrl-C) lets it go on at the server. */
export async function followOperation(client: ApiClient, first: Operation, { terminal, signal, label }: { readonly terminal: Terminal; readonly signal: AbortSignal; readonly label: string }): Promise<Operation> {
  using bar = terminal.progress({ label });
  let operation = first;
  while (operation.state === "running") {
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => { throw new StrataError("ABORTED", { what: `Following operation ${first.id} (it goes on at the server)` }); });
    operation = await client.get<Operation>(`/v1/operations/${first.id}`, { signal });
    bar.update(operation.done, operation.total === 0 ? undefined : operation.total);
  }
  if (operation.state !== "done") throw new StrataError("OPERATION_FAILED", { operation: operation.id, state: operation.state, reason: operation.reason ?? "somebody ended it" });
  bar.finish();
  return operation;
}
