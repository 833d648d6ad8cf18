/** gRPC for the suite: plain messages in, plain messages and statuses out. */
import { Client, Metadata, credentials, status as Status } from "@grpc/grpc-js";
import type { MethodDefinition, ServiceDefinition, ServiceError } from "@grpc/grpc-js";
import type { Clock } from "../../../kernel/clock.ts";
import { HEALTH_SERVICE, INFERENCE_SERVICE } from "../grpc/messages.ts";

/** A message as it was read: every field there, 64-bit integers as text. */
export type Message = Readonly<Record<string, unknown>>;

export interface GrpcAnswer {
  /** "OK", "NOT_FOUND", … */
  readonly status: string;
  /** The error's sentence; "" when there is none. */
  readonly details: string;
  /** {} unless the status is OK. */
  readonly message: Message;
}

export interface GrpcClient extends Disposable {
  /** A method of inference.GRPCInferenceService. */
  call(method: string, message: object, options?: { readonly deadlineMs?: number }): Promise<GrpcAnswer>;
  /** grpc.health.v1.Health/Check. */
  health(service: string): Promise<GrpcAnswer>;
  /** ModelStreamInfer: sends all messages, ends, and collects what comes. */
  stream(messages: readonly object[]): Promise<{ readonly status: string; readonly answers: readonly Message[] }>;
}

const DEADLINE_MS = 20_000;

/** `address` is host:port. Deadlines are on the clock's time. */
export function createGrpcClient(address: string, clock: Clock): GrpcClient {
  const client = new Client(address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const unary = (service: ServiceDefinition, name: string, message: object, deadlineMs = DEADLINE_MS): Promise<GrpcAnswer> => new Promise((resolve) => {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, name);
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, new Metadata(), { deadline: clock.now() + deadlineMs }, (error: ServiceError | null, answer?: object) => {
      resolve(error === null ? { status: "OK", details: "", message: (answer ?? {}) as Message } : { status: Status[error.code], details: error.details, message: {} }); // read by the method's description
    });
  });
  return {
    call: (method, message, { deadlineMs } = {}) => unary(INFERENCE_SERVICE, method, message, deadlineMs),
    health: (service) => unary(HEALTH_SERVICE, "Check", { service }),
    stream: (messages) => new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(INFERENCE_SERVICE, "ModelStreamInfer");
      const answers: Message[] = [];
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), { deadline: clock.now() + DEADLINE_MS });
      call.on("data", (answer: Message) => answers.push(answer)).on("error", () => undefined).on("status", ({ code }: { readonly code: Status }) => resolve({ status: Status[code], answers }));
      for (const message of messages) call.write(message);
      call.end();
    }),
    [Symbol.dispose]: () => client.close(),
  };
}

function methodOf(service: ServiceDefinition, name: string): MethodDefinition<object, object> {
  return service[name] as MethodDefinition<object, object>; // the suite names methods that are described
}
