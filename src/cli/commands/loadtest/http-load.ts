/** `strata loadtest http`: any HTTP/1.1 address. */
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { BODY_OPTIONS, readBodies, typeOfBody } from "./load-bodies.ts";
import type { BodyOptions } from "./load-bodies.ts";
import { LOAD_OPTIONS, addressOf, headersOf } from "./load-options.ts";
import type { LoadOptionValues } from "./load-options.ts";
import type { LoadTarget } from "./load-target.ts";
import { renderResult } from "./render-result.ts";
import { runOrSearch } from "./run-or-search.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";

export const httpLoad = defineCommand({
  name: "http",
  summary: "Load on any HTTP/1.1 address",
  description: "Sends GET, or POST with the bodies given in turn. Success is a 2xx status within the time allowed. In bodies {{id}} becomes 20 characters never sent before and {{now}} the time, so that servers which deduplicate still work for each request.",
  options: { method: { type: "string", short: "X", description: "Default POST with a body, GET without" }, ...BODY_OPTIONS, ...LOAD_OPTIONS, ...SEARCH_OPTIONS },
  positionals: { url: { description: "Address with its path" } },
  examples: [
    { command: "strata loadtest http http://127.0.0.1:8080/ --connections 64", note: "closed loop: what throughput it reaches" },
    { command: "strata loadtest http http://127.0.0.1:8080/score --body @row.json --rate 500 --duration 30s", note: "open loop: latency at 500 requests/s" },
    { command: "strata loadtest http http://127.0.0.1:8080/score --body @row.json --search --p99 100ms --svg curve.svg", note: "the breaking point, and its curve" },
  ],
  run: async (context) => runOrSearch(await httpTarget(context), context),
  render: (result, context) => renderResult(result, context),
});

interface HttpContext extends Pick<CommandContext, "usageError" | "workingDirectory"> {
  readonly options: LoadOptionValues & BodyOptions & { readonly method: string | undefined };
  readonly positionals: { readonly url: string };
}

async function httpTarget({ options, positionals, usageError, workingDirectory }: HttpContext): Promise<LoadTarget> {
  const address = addressOf(positionals.url, { insecure: options.insecure, usageError });
  const bodies = await readBodies(options, { workingDirectory });
  const method = (options.method ?? (bodies.length > 0 ? "POST" : "GET")).toUpperCase();
  const headers = headersOf(options.header, usageError);
  return {
    title: `${method} ${address.origin}${address.path}`, address,
    notes: bodies.length > 1 ? [`${bodies.length} bodies in turn`] : [],
    exchange: {
      kind: "http", method, path: address.path, bodies: bodies.length === 0 ? [""] : bodies,
      headers: { ...(bodies.length > 0 ? { "content-type": typeOfBody(bodies[0]!) } : {}), ...headers },
    },
  };
}
