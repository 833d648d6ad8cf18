/** `strata loadtest endpoint`: an endpoint of a running Strata. */
import { DEFAULT_URL } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { BODY_OPTIONS, readBodies } from "./load-bodies.ts";
import type { BodyOptions } from "./load-bodies.ts";
import { LOAD_OPTIONS, addressOf, headersOf } from "./load-options.ts";
import type { LoadOptionValues } from "./load-options.ts";
import type { LoadTarget } from "./load-target.ts";
import { renderResult } from "./render-result.ts";
import { runOrSearch } from "./run-or-search.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";

export const endpointLoad = defineCommand({
  name: "endpoint",
  summary: "Load on an endpoint of a running Strata",
  description: "Sends the given requests to an endpoint in turn. Answers of the fallback are successes to HTTP; they are counted apart.",
  options: {
    url: { type: "string", placeholder: "address", description: `Address of the Strata server (default $STRATA_URL, else ${DEFAULT_URL})` },
    ...BODY_OPTIONS, ...LOAD_OPTIONS, ...SEARCH_OPTIONS,
  },
  positionals: { endpoint: { description: "Name of the endpoint" } },
  examples: [
    { command: "strata loadtest endpoint recommend --body-lines requests.ndjson --rate 200", note: "requests from a file, 200 a second" },
    { command: "strata loadtest endpoint eta --body '{\"courier\":\"R1\"}' --search --p99 50ms --wanted 5000", note: "how many replicas 5,000 requests/s need" },
  ],
  run: async (context) => runOrSearch(await endpointTarget(context), context),
  render: (result, context) => renderResult(result, context),
});

interface EndpointContext extends Pick<CommandContext, "usageError" | "workingDirectory" | "environment"> {
  readonly options: LoadOptionValues & BodyOptions & { readonly url: string | undefined };
  readonly positionals: { readonly endpoint: string };
}

async function endpointTarget({ options, positionals: { endpoint }, usageError, workingDirectory, environment }: EndpointContext): Promise<LoadTarget> {
  const address = addressOf(options.url ?? environment["STRATA_URL"] ?? DEFAULT_URL, { insecure: options.insecure, usageError });
  const bodies = await readBodies(options, { workingDirectory });
  if (bodies.length === 0) throw usageError("An endpoint needs requests: --body '{…}', --body @file or --body-lines file.");
  const token = environment["STRATA_TOKEN"];
  const path = `${address.path.replace(/\/+$/, "")}/v1/endpoints/${encodeURIComponent(endpoint)}`;
  return {
    title: `endpoint ${endpoint} at ${address.origin}`, address, notes: bodies.length === 1 ? [] : [`${bodies.length} requests in turn`], ...(options.expect === undefined ? { mark: FALLBACK, markName: "from the fallback" } : {}),
    exchange: { kind: "http", method: "POST", path, bodies, headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headersOf(options.header, usageError) } },
  };
}

const FALLBACK = "\"variant\":\"fallback\"";
