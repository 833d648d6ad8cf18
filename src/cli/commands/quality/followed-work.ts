/** Long work of the server with its progress: server-sent events "progress" …, then "result" or "error". */
import { StrataError, type ErrorBody } from "../../../kernel/errors.ts";
import type { CommandContext } from "../../command.ts";
import { errorOfResponse } from "../../remote-error.ts";
import { openApiClient } from "../../server-options.ts";
import { formatPercent } from "../../terminal/format.ts";

export interface Work {
  readonly path: string;
  readonly body: unknown;
  /** What the bar says. */
  readonly label: string;
}

export async function followWork<Result>(context: Parameters<typeof openApiClient>[0] & Pick<CommandContext, "signal" | "terminal">, { path, body, label }: Work): Promise<Result> {
  const { signal, terminal } = context;
  await using client = openApiClient(context);
  using bar = terminal.progress({ label, total: 1, format: (share) => formatPercent(share, 0) });
  for await (const { event, data } of client.stream(path, { body, signal })) {
    const value: unknown = JSON.parse(data);
    // What each event carries is settled by its name; the server of this same package sent it.
    if (event === "progress") bar.update((value as { readonly share: number }).share);
    if (event === "result") return value as Result;
    if (event === "error") throw errorOfResponse({ status: 200, url: client.url, text: JSON.stringify({ error: value as ErrorBody }) });
  }
  if (signal.aborted) throw new StrataError("ABORTED", { what: label });
  throw new StrataError("SERVER_UNREACHABLE", { url: client.url, reason: "it stopped before the work was done" });
}
