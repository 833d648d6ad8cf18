/** The gateway alone behind the real listener, with its books open: for tests of what callers see and what is booked. */
import { defineLanguageModel, defineUpstream, target } from "strata";
import type { LanguageModel } from "strata";
import { createLanguageGateway, createOpenPolicy, createTargetPool } from "../../src/gateway/index.ts";
import type { CallPolicy, LanguageGateway, LanguageGatewayOptions, Settlement } from "../../src/gateway/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createIdSource } from "../../src/kernel/ids.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { openHttpListener } from "../../src/platform/http-listener.ts";
import { createLanguageUpstreams } from "../../src/platform/language-upstreams.ts";
import { silentLogger, silentMeter } from "../../src/ports/telemetry.ts";
import type { Logger, Meter } from "../../src/ports/telemetry.ts";
import { errorResponse, jsonResponse } from "../../src/protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../../src/protocols/http.ts";
import { handleMessages } from "../../src/protocols/anthropic/messages.ts";
import { handleOpenAi, openAiModels } from "../../src/protocols/openai/openai.ts";

export interface GatewayServer extends AsyncDisposable {
  readonly url: string;
  readonly gateway: LanguageGateway;
  /** What was booked, when everything that ended is settled. */
  settlements(): Promise<readonly Settlement[]>;
  forget(): void;
}

export interface GatewayServerOptions {
  readonly models: readonly LanguageModel[];
  readonly policy?: CallPolicy;
  readonly meter?: Meter;
  readonly logger?: Logger;
  readonly environment?: Readonly<Record<string, string>>;
  /** Files of local models are relative to it. */
  readonly folder?: string;
  readonly parts?: Partial<LanguageGatewayOptions>;
}

export async function openGatewayServer({ models, policy, meter = silentMeter, logger = silentLogger, environment = {}, folder = process.cwd(), parts = {} }: GatewayServerOptions): Promise<GatewayServer> {
  const ids = createIdSource(systemClock, Math.random);
  const books = createOpenPolicy({ ids });
  const upstreams = createLanguageUpstreams({ environment, logger, folder });
  const random = createRandom(1);
  const byName = new Map(models.map((model) => [model.name, model]));
  const gateway = createLanguageGateway({
    models: () => byName, upstreamOf: (one) => upstreams.of(one), policy: policy ?? books, pool: createTargetPool({ clock: systemClock, random, meter }),
    clock: systemClock, random: () => random.next(), meter, logger, ...parts,
  });
  const protocol = { gateway, ids, startedMs: 0, nowSeconds: () => 0 };
  const listener = await openHttpListener({
    host: "127.0.0.1", port: 0, listeners: 1, maxBodyBytes: 8 * 1024 * 1024,
    handle: async (request) => await handleOpenAi(protocol, request).catch(errorResponse) ?? await handleMessages(protocol, request) ?? listModels(protocol, request),
  });
  return {
    url: `http://127.0.0.1:${listener.port}/v1`, gateway,
    settlements: async () => {
      await gateway.settled();
      return [...books.settlements()];
    },
    forget: () => books.forget(),
    [Symbol.asyncDispose]: async () => {
      await listener.close(1_000);
      await gateway[Symbol.asyncDispose]();
      await upstreams[Symbol.asyncDispose]();
    },
  };
}

/** The admin API answers these on a platform. */
function listModels(protocol: Parameters<typeof openAiModels>[0], { path }: HttpRequest): HttpResponse {
  const models = openAiModels(protocol);
  if (path === "/v1/models") return jsonResponse(models);
  const found = models.data.find(({ id }) => path === `/v1/models/${id}`);
  return found ? jsonResponse(found) : jsonResponse({ error: { message: "no such model" } }, 404);
}

/** One model on one upstream with short timeouts. */
export function modelOn(url: string, options: Partial<Parameters<typeof defineLanguageModel>[1]> = {}, name = "small"): LanguageModel {
  const upstream = defineUpstream("mock", { url });
  return defineLanguageModel(name, { targets: [target(upstream, { model: "mock-1" })], retries: 0, firstTokenTimeout: "500ms", idleTimeout: "400ms", totalTimeout: "5s", ...options });
}
