/** The options of every command that talks to a running server, and the client they describe. */
import { createApiClient, DEFAULT_URL, type ApiClient } from "./api-client.ts";
import type { Host } from "./host.ts";
import type { OptionTable, OptionValues } from "./option.ts";

export const SERVER_OPTIONS = {
  url: { type: "string", placeholder: "address", description: `Address of the Strata server (default $STRATA_URL, else ${DEFAULT_URL})` },
  timeout: { type: "duration", default: "30s", description: "How long to wait for an answer" },
} as const satisfies OptionTable;

/**
 * A client for `--url`, else STRATA_URL, else the default address. The token comes from STRATA_TOKEN only: an
 * argument would be visible to every user of the machine in the list of processes.
 */
export function openApiClient(context: Pick<Host, "environment"> & { readonly options: OptionValues<typeof SERVER_OPTIONS> }): ApiClient {
  const { options, environment } = context;
  return createApiClient({ url: options.url ?? environment["STRATA_URL"], timeoutMs: options.timeout, token: environment["STRATA_TOKEN"] });
}
