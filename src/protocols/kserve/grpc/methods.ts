/**
 * Open Inference gRPC as plain functions: request message and call in, response message out. Errors keep our codes; the
 * listener gives them their gRPC status.
 */
import { StrataError, toStrataError } from "../../../kernel/errors.ts";
import { dialectMessage } from "../dialect.ts";
import { requestOf } from "../infer.ts";
import type { InferenceProtocol } from "../infer.ts";
import { loadOptionsOf } from "../load-options.ts";
import { describeServer, describeStatistics } from "../server-description.ts";
import { responseOf, wireRequestOf } from "./infer-message.ts";
import type { InferRequestMessage, ParameterMessage } from "./infer-message.ts";
import type { UnaryMethodName } from "./messages.ts";

/** What a call carries beside its message. */
export interface RpcCall {
  /** On the clock's monotonic time. */
  readonly deadlineAtMs?: number;
  readonly signal: AbortSignal;
  /** A metadata entry's text, by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

interface NamedRequest { readonly name: string; readonly version: string }
interface RepositoryRequest { readonly model_name: string; readonly parameters: Readonly<Record<string, ParameterMessage>> }

type Method<Request> = (protocol: InferenceProtocol, request: Request, call: RpcCall) => Promise<object> | object;

/** "" is how a message says that no version is named. */
const named = (version: string): readonly string[] => (version === "" ? [] : [version]);

export const UNARY_METHODS: Readonly<Record<UnaryMethodName, Method<never>>> = {
  ServerLive: ({ models }) => ({ live: models.isLive() }),
  ServerReady: ({ models }) => ({ ready: models.isReady() }),
  ModelReady: async ({ models }, { name, version }: NamedRequest) => ({ ready: await models.isModelReady(name, ...named(version)) }),
  ServerMetadata: (protocol) => describeServer(protocol),
  ModelMetadata: ({ models }, { name, version }: NamedRequest) => models.metadata(name, ...named(version)),
  ModelInfer: infer,
  ModelConfig: async ({ models }, { name, version }: NamedRequest) => ({ config: await models.config(name, ...named(version)) }),
  ModelStatistics: ({ models }, { name, version }: NamedRequest) => describeStatistics(models, ...(name === "" ? [] : [name, ...named(version)])),
  RepositoryIndex: ({ models }, { ready }: { readonly ready: boolean }) => ({ models: models.index(ready ? { isReady: true } : {}) }),
  RepositoryModelLoad: async ({ models }, { model_name: model, parameters }: RepositoryRequest) => {
    await models.load(model, loadOptionsOf(model, valuesOf(parameters)));
    return {};
  },
  RepositoryModelUnload: async ({ models }, { model_name: model, parameters }: RepositoryRequest) => {
    await models.unload(model, { unloadDependents: valuesOf(parameters)["unload_dependents"] === true });
    return {};
  },
};

async function infer(protocol: InferenceProtocol, message: InferRequestMessage, call: RpcCall): Promise<object> {
  const wire = wireRequestOf(message);
  const request = requestOf(wire, { model: message.model_name, version: named(message.model_version)[0] }, protocol.clock.monotonicMs());
  if (call.deadlineAtMs !== undefined) request.deadlineAtMs = Math.min(request.deadlineAtMs ?? Infinity, call.deadlineAtMs);
  const key = call.header("strata-key") ?? wire.id;
  if (key !== undefined) request.routingKey = key;
  const variant = call.header("strata-variant");
  if (variant !== undefined) request.variant = variant;
  request.header = call.header;
  request.signal = call.signal;
  return responseOf(await protocol.models.infer(request), wire);
}

/** One message of ModelStreamInfer: an error is an answer too, so that the stream goes on. */
export async function answerStreamed(protocol: InferenceProtocol, message: InferRequestMessage, call: RpcCall): Promise<object> {
  try {
    return { infer_response: await infer(protocol, message, call) };
  } catch (thrown) {
    const error = toStrataError(thrown);
    if (error.code === "CLOSED") throw error;
    return { error_message: messageOf(error, message), infer_response: { model_name: message.model_name, model_version: message.model_version, id: message.id } };
  }
}

/** The error's sentence for the caller of a method. */
export function messageOf(error: StrataError, request: object, method?: string): string {
  const { name, model_name: model = name, version, model_version = version } = request as Partial<NamedRequest & RepositoryRequest & InferRequestMessage>; // whichever it is
  return dialectMessage(error, { model, version: model_version, action: method === "RepositoryModelLoad" ? "load" : undefined });
}

function valuesOf(parameters: Readonly<Record<string, ParameterMessage>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameter.parameter_choice === undefined ? undefined : parameter[parameter.parameter_choice]]));
}

export type ServingStatus = "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

/** grpc.health.v1: the server as a whole, by no name or by the service's. */
export function servingStatus({ models }: InferenceProtocol, service: string): ServingStatus {
  if (service !== "" && service !== "inference.GRPCInferenceService") return "SERVICE_UNKNOWN";
  return models.isLive() && models.isReady() ? "SERVING" : "NOT_SERVING";
}

/** Check answers NOT_FOUND for a service it does not know; Watch says SERVICE_UNKNOWN and goes on. */
export function checkHealth(protocol: InferenceProtocol, { service }: { readonly service: string }): { readonly status: ServingStatus } {
  const status = servingStatus(protocol, service);
  if (status === "SERVICE_UNKNOWN") throw new StrataError("NOT_FOUND", { kind: "service", name: service, known: "inference.GRPCInferenceService" });
  return { status };
}
