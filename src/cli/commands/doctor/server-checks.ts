/** What `strata doctor` finds on the network: a server and its version, or a free port; and the server's evidence. */
import { createServer } from "node:net";
import { isStrataError } from "../../../kernel/errors.ts";
import type { Config } from "../../../platform/config.ts";
import type { ApiClient } from "../../api-client.ts";
import { formatCount } from "../../terminal/format.ts";
import { strataVersion } from "../../../platform/version.ts";
import { failedCheck, type Check } from "./check.ts";

export interface ServerFinding {
  readonly check: Check;
  readonly isRunning: boolean;
}

export async function checkServer(client: ApiClient, config: Pick<Config, "host" | "port">, signal: AbortSignal): Promise<ServerFinding> {
  const name = "server";
  try {
    const { version } = await client.get<{ readonly version: string }>("/v1", { signal });
    const detail = `Strata ${version} answers at ${client.url}`;
    const own = strataVersion();
    if (version === own) return { isRunning: true, check: { name, status: "ok", detail } };
    return { isRunning: true, check: { name, status: "warning", detail: `${detail}; this is ${own}`, next: "Use the same version for both: some commands may not fit." } };
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "SERVER_UNREACHABLE") return { isRunning: false, check: await checkPort(config, thrown.message) };
    return { isRunning: false, check: failedCheck(name, thrown) };
  }
}

async function checkPort({ host, port }: Pick<Config, "host" | "port">, reason: string): Promise<Check> {
  const name = "server";
  if (port === 0) return { name, status: "ok", detail: "none runs; a free port is chosen at the start" };
  const problem = await listenProblem(host, port);
  if (problem === undefined) return { name, status: "ok", detail: `none runs; port ${port} on ${host} is free` };
  const next = `Stop that program, or choose a port with --port or STRATA_PORT.`;
  if (problem === "EADDRINUSE") return { name, status: "failed", detail: `port ${port} on ${host} is taken by another program. ${reason}`, next };
  return { name, status: "failed", detail: `port ${port} on ${host} cannot be used: ${problem}`, next: "Choose an address of this machine with --host, and a port above 1023 with --port." };
}

/** Opens the port for a moment; the system's code when that fails. */
function listenProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

interface EvidenceAnswer {
  readonly records: readonly unknown[];
  readonly check: { readonly ok: boolean; readonly reason?: string };
}

/** Every model's chain of evidence, verified by the server against its registry. */
export async function checkEvidence(client: ApiClient, signal: AbortSignal): Promise<Check> {
  const name = "evidence";
  try {
    const { models } = await client.get<{ readonly models: readonly { readonly model: string }[] }>("/v1/models", { signal });
    let records = 0;
    const broken: string[] = [];
    for (const { model } of models) {
      const answer = await client.get<EvidenceAnswer>(`/v1/models/${encodeURIComponent(model)}/evidence`, { signal });
      records += answer.records.length;
      if (!answer.check.ok) broken.push(answer.check.reason ?? `the chain of ${model} does not hold`);
    }
    if (broken.length > 0) return { name, status: "failed", detail: broken.join(" "), next: "See `strata models evidence <model>`; restore the database from a copy." };
    return { name, status: "ok", detail: `${formatCount(models.length, "chain")} with ${formatCount(records, "record")} hold` };
  } catch (thrown) {
    return failedCheck(name, thrown);
  }
}
