/**
 * Open Inference and grpc.health.v1 over connections that someone else accepts. Calls carry their deadline and their
 * cancellation inwards; draining lets calls in flight finish.
 */
import { Metadata, Server, ServerCredentials, status as Status } from "@grpc/grpc-js";
import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall, ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Socket } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf, toStrataError } from "../kernel/errors.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { InferRequestMessage } from "../protocols/kserve/grpc/infer-message.ts";
import { HEALTH_SERVICE, INFERENCE_SERVICE } from "../protocols/kserve/grpc/messages.ts";
import { UNARY_METHODS, answerStreamed, checkHealth, messageOf, servingStatus } from "../protocols/kserve/grpc/methods.ts";
import type { RpcCall } from "../protocols/kserve/grpc/methods.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import { addFeastServices } from "./grpc-feast.ts";

export interface GrpcServer {
  accept(connection: Socket): void;
  /** Takes no more calls; a connection ends with the last of its calls. Resolves when every connection was told. */
  drain(): Promise<void>;
}

/** Answers of one stream that may be computed at once; more requests wait in the stream, which slows its sender down. */
const STREAM_WINDOW = 64;
/** How often a Watch looks: the sender of a probe waits seconds, not milliseconds. */
const WATCH_EVERY_MS = 500;

export function createGrpcServer(protocol: InferenceProtocol, feast?: FeastParts): GrpcServer {
  const shutdown = new AbortController();
  const server = new Server({ "grpc.max_receive_message_length": protocol.maxBodyBytes, "grpc.max_send_message_length": -1 });
  server.addService(INFERENCE_SERVICE, inferenceHandlers(protocol, shutdown.signal));
  server.addService(HEALTH_SERVICE, healthHandlers(protocol, shutdown.signal));
  if (feast !== undefined) addFeastServices(server, feast);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: (connection) => injector.injectConnection(connection),
    drain: () => new Promise((resolve) => {
      shutdown.abort();
      server.tryShutdown(() => resolve()); // of connections it did not accept itself, it does not wait for their end
    }),
  };
}

type Unary = ServerUnaryCall<object, object>;

function inferenceHandlers(protocol: InferenceProtocol, shutdown: AbortSignal): UntypedServiceImplementation {
  const unary = Object.entries(UNARY_METHODS).map(([name, method]) => [name, (call: Unary, done: sendUnaryData<object>) => {
    void answerUnary({ call, done, name }, () => method(protocol, call.request as never, rpcCall(call, protocol.clock))); // each method's message is read by its own description
  }] as const);
  return { ...Object.fromEntries(unary), ModelStreamInfer: (call: ServerDuplexStream<InferRequestMessage, object>) => { void streamInfer(protocol, call, shutdown); } };
}

interface Asked {
  readonly call: { readonly request: object };
  readonly done: sendUnaryData<object>;
  /** The method's. */
  readonly name: string;
}

async function answerUnary({ call, done, name }: Asked, work: () => Promise<object> | object): Promise<void> {
  try {
    done(null, await work());
  } catch (thrown) {
    done(failure(thrown, call.request, name));
  }
}

/** Requests run as they come, answers leave in the order of their requests. */
async function streamInfer(protocol: InferenceProtocol, call: ServerDuplexStream<InferRequestMessage, object>, shutdown: AbortSignal): Promise<void> {
  const rpc = rpcCall(call, protocol.clock);
  const waiting: Promise<object>[] = [];
  const sendNext = async (): Promise<void> => {
    const answer = await waiting.shift()!;
    if (!call.write(answer) && !rpc.signal.aborted) await new Promise((resolve) => { call.once("drain", resolve).once("cancelled", resolve).once("close", resolve); });
  };
  let sending: Promise<void> = Promise.resolve();
  try {
    for await (const message of call as AsyncIterable<InferRequestMessage>) {
      waiting.push(answerStreamed(protocol, message, rpc));
      sending = sending.then(sendNext);
      if (waiting.length >= STREAM_WINDOW || shutdown.aborted) await sending;
      if (shutdown.aborted) break;
    }
    await sending;
    call.end();
  } catch (thrown) {
    for (const answer of waiting) answer.catch(() => undefined); // the first failure ended the stream
    call.destroy(Object.assign(new Error(reasonOf(thrown)), failure(thrown, {})));
  }
}

function healthHandlers(protocol: InferenceProtocol, shutdown: AbortSignal): UntypedServiceImplementation {
  return {
    Check: (call: ServerUnaryCall<{ readonly service: string }, object>, done: sendUnaryData<object>) => { void answerUnary({ call, done, name: "Check" }, () => checkHealth(protocol, call.request)); },
    Watch: (call: ServerWritableStream<{ readonly service: string }, object>) => { void watchHealth(protocol, call, shutdown); },
  };
}

async function watchHealth(protocol: InferenceProtocol, call: ServerWritableStream<{ readonly service: string }, object>, shutdown: AbortSignal): Promise<void> {
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, shutdown]);
  let last: string | undefined;
  while (!signal.aborted) {
    const status = servingStatus(protocol, call.request.service);
    if (status !== last) call.write({ status });
    last = status;
    await protocol.clock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined); // aborted: the loop's condition ends it
  }
  if (!gone.signal.aborted) call.write({ status: "NOT_SERVING" });
  call.end();
}

/** What all kinds of calls have. */
type AnyCall = Pick<ServerUnaryCall<object, object>, "getDeadline" | "metadata" | "cancelled"> & { once(event: "cancelled", listener: () => void): unknown };

function rpcCall(call: AnyCall, clock: Clock): RpcCall {
  const deadline = call.getDeadline();
  const leftMs = (typeof deadline === "number" ? deadline : deadline.getTime()) - Date.now();
  let controller: AbortController | undefined;
  return {
    ...(Number.isFinite(leftMs) ? { deadlineAtMs: clock.monotonicMs() + leftMs } : {}),
    get signal() { // few models wait on it
      if (controller === undefined) {
        const made = new AbortController();
        if (call.cancelled) made.abort(); else call.once("cancelled", () => made.abort());
        controller = made;
      }
      return controller.signal;
    },
    header: (name) => call.metadata.get(name)[0]?.toString(),
  };
}

function failure(thrown: unknown, request: object, method?: string): { readonly code: Status; readonly details: string; readonly metadata: Metadata } {
  const error = toStrataError(thrown);
  const metadata = new Metadata();
  metadata.set("strata-code", error.code);
  if (error.retryAfterSeconds !== undefined) metadata.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  return { code: Status[error.grpc], details: messageOf(error, request, method), metadata };
}
