/** The gateways that are compared, each installed and started the way its own guide does it. */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PeerCache } from "../peer-cache.ts";
import { freePort, startPeer } from "../peer-server.ts";
import type { PeerCommand } from "../peer-server.ts";
import { openStrataProject } from "../strata-project.ts";
import type { StrataMode } from "../strata-project.ts";

export interface GatewayContender {
  readonly name: string;
  readonly remarks: string;
  /** undefined: no gateway, the client talks to the mock. */
  command?(port: number): PeerCommand;
  /** Headers that its callers send, known once it runs. */
  headers(port: number): Promise<Readonly<Record<string, string>>>;
  /** Takes part in streams only. */
  readonly isForStreamsOnly?: boolean;
  /** A yardstick: its highest rate is not looked for. */
  readonly isFloor?: boolean;
}

export interface GatewayOptions {
  readonly cache: PeerCache;
  /** "http://127.0.0.1:<port>/v1". */
  readonly mockUrl: string;
  readonly strata: StrataMode;
  /** Folder for CPU profiles of Strata. */
  readonly profile: string | undefined;
  readonly say: (text: string) => void;
}

export type GatewayFactory = (options: GatewayOptions) => Promise<GatewayContender>;

const here = import.meta.dirname;
const noHeaders = (): Promise<Readonly<Record<string, string>>> => Promise.resolve({});

export const DIRECT = "direct to the mock";

export const GATEWAYS: Readonly<Record<string, GatewayFactory>> = {
  [DIRECT]: () => Promise.resolve({ name: DIRECT, remarks: "the client without a gateway", headers: noHeaders }),
  "node:http pass-through": passThrough,
  "Strata, open": strata("open", 1),
  "Strata, full policy": strata("full", 1),
  "Strata, full policy, two processes": strata("full", 2),
  Portkey: portkey,
  LiteLLM: litellm,
};

function strata(policy: "open" | "full", processes: 1 | 2): GatewayFactory {
  return async ({ cache, mockUrl, strata: mode, profile, say }) => {
    const project = await openStrataProject(cache, mode, say);
    if (processes > 1 && !project.canServe) throw new Error("this Strata has no command that starts several serving processes");
    const definition = await project.add(`gateway-${policy}-${processes}`, join(here, "strata-app.ts"));
    const environment = { MOCK_URL: mockUrl, STRATA_LEDGER_FILE: join(definition.folder, "ledger.db") };
    // serving processes answer callers; keys are made by the platform on the same ledger
    const key = processes === 1 ? undefined : await keyMadeBeforehand(project.command(definition, { port: await freePort(), processes: 1, environment }));
    const name = `Strata, ${policy === "full" ? "full policy" : "open"}${processes === 1 ? "" : ", two processes"}`;
    return {
      name, ...(processes > 1 ? { isForStreamsOnly: true } : {}),
      remarks: `${project.remarks}${policy === "full" ? "; a virtual key with a budget, a limit of requests and one of tokens, reserved and settled in the ledger on disk for every call" : "; no keys"}; cost, metrics and telemetry on${processes === 1 ? "" : "; strata serve --processes 2"}`,
      command: (port) => project.command(definition, { port, processes, environment, profile }),
      headers: policy === "open" ? noHeaders : async (port) => ({ authorization: `Bearer ${key ?? await createKey(port)}` }),
    };
  };
}

async function keyMadeBeforehand(command: PeerCommand): Promise<string> {
  const port = Number(command.args[command.args.indexOf("--port") + 1]);
  let key = "";
  await using _server = await startPeer(command, { name: "Strata that makes a key", port, isReady: async () => (key = await createKey(port)) !== "" });
  return key;
}

/** A key whose budget and limits are far above what the run needs, so that every check is made and none refuses. */
async function createKey(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/keys`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: `bench-${randomUUID()}`, tenant: "bench", budgetUsd: 1_000_000, requestsPerMinute: 100_000_000, tokensPerMinute: 1_000_000_000 }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`no virtual key: status ${answer.status} ${text.slice(0, 200)}`);
  const { secret } = JSON.parse(text) as { readonly secret?: string };
  if (typeof secret !== "string") throw new Error(`no secret in the new key: ${text.slice(0, 200)}`);
  return secret;
}

function passThrough({ mockUrl }: GatewayOptions): Promise<GatewayContender> {
  return Promise.resolve({
    name: "node:http pass-through", isFloor: true, remarks: "the floor: bytes passed on by node:http, nothing read, checked or counted",
    command: (port) => ({ command: process.execPath, args: [join(here, "pass-through.ts"), String(port), new URL(mockUrl).port], cwd: here }),
    headers: noHeaders,
  });
}

async function portkey({ cache, mockUrl }: GatewayOptions): Promise<GatewayContender> {
  // newer adapters of its web framework make its streams fail with "TypeError: immutable": Portkey-AI/gateway#1389
  const { folder, version } = await cache.npm("portkey", { package: "@portkey-ai/gateway", version: "1.15.2", overrides: { "@hono/node-server": "1.13.8" } });
  return {
    name: "Portkey",
    remarks: `Portkey's gateway ${version}, Node ${process.versions.node}, without its console; @hono/node-server 1.13.8, because its streams fail with 1.14.2 and newer (Portkey-AI/gateway#1389); its open version has no keys or budgets`,
    command: (port) => ({
      command: process.execPath, args: [join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js"), `--port=${port}`, "--headless"], cwd: folder, environment: { NODE_ENV: "production" },
    }),
    headers: () => Promise.resolve({ "x-portkey-provider": "openai", "x-portkey-custom-host": mockUrl, authorization: "Bearer none" }),
  };
}

async function litellm({ cache, mockUrl }: GatewayOptions): Promise<GatewayContender> {
  const environment = await cache.python("litellm", ["litellm[proxy]==1.106.2", "httptools==0.9.0"]);
  const folder = join(cache.root, "litellm");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.yaml"), [
    "model_list:", "  - model_name: mock-model", "    litellm_params:", "      model: openai/mock-model", `      api_base: ${mockUrl}`, "      api_key: none",
    "litellm_settings:", "  set_verbose: false", "  request_timeout: 60", "",
  ].join("\n"));
  return {
    name: "LiteLLM",
    remarks: `LiteLLM's proxy ${environment.versions.get("litellm")}, one worker, log level ERROR; its master key is checked; without a database, so without virtual keys and budgets`,
    command: (port) => ({
      command: join(environment.bin, "litellm"), args: ["--config", join(folder, "config.yaml"), "--host", "127.0.0.1", "--port", String(port), "--num_workers", "1", "--telemetry", "False"], cwd: folder,
      environment: { PATH: `${environment.bin}:${process.env["PATH"] ?? ""}`, LITELLM_MASTER_KEY: "sk-bench", LITELLM_LOG: "ERROR", LITELLM_MODE: "PRODUCTION", LITELLM_LOCAL_MODEL_COST_MAP: "True", PYTHONWARNINGS: "ignore", NO_DOCS: "True" },
    }),
    headers: () => Promise.resolve({ authorization: "Bearer sk-bench" }),
  };
}
