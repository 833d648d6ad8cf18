/** The dialects of the model server and of the language gateway, which every door answers: Open Inference, KServe V1, OpenAI, Anthropic. */
import type { RouteSummary } from "../protocols/admin/routes.ts";
import { MESSAGES_ROUTE, handleMessages } from "../protocols/anthropic/messages.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import { handleModelReadiness, handlePredict } from "../protocols/kserve/predict.ts";
import { handleInferenceProtocol } from "../protocols/kserve/rest.ts";
import { OPENAI_ROUTES, handleOpenAi } from "../protocols/openai/openai.ts";
import type { OpenAiParts } from "../protocols/openai/openai.ts";

export interface ServingProtocols {
  readonly inference: InferenceProtocol;
  readonly language: OpenAiParts;
  /** True where /v1/models/:model has more to say than that a model is ready. */
  readonly describesModel: (name: string) => boolean;
}

export const SERVING_ROUTES: readonly RouteSummary[] = [
  ...OPENAI_ROUTES, MESSAGES_ROUTE,
  { method: "POST", pattern: "/v1/models/:model:predict", summary: "KServe V1: {instances} in, {predictions} out" },
  { method: "GET", pattern: "/v2", summary: "Open Inference Protocol v2: health, models, metadata, infer, repository, statistics, configuration" },
];

const MODELS = "/v1/models/";

/** undefined when the path belongs to none of them. */
export async function answerServing({ inference, language, describesModel }: ServingProtocols, request: HttpRequest): Promise<HttpResponse | undefined> {
  const { path } = request;
  if (path.startsWith("/v2")) return handleInferenceProtocol(inference, request);
  if (!path.startsWith("/v1")) return undefined;
  const answer = await handleOpenAi(language, request) ?? await handleMessages(language, request) ?? await handlePredict(inference, request);
  if (answer) return answer;
  return path.startsWith(MODELS) && !describesModel(path.slice(MODELS.length)) ? handleModelReadiness(inference, request) : undefined;
}
