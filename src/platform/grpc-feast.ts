/** Feast's two gRPC services on the gRPC server: messages to plain functions, errors to statuses. */
import { status as Status } from "@grpc/grpc-js";
import type { sendUnaryData, Server, ServerUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { FeastParts } from "../protocols/feast/feast.ts";
import { FEATURE_SERVER, SERVING_SERVICE } from "../protocols/feast/grpc/messages.ts";
import { getOnlineFeatures, grpcFailure, push, writeToOnlineStore } from "../protocols/feast/grpc/methods.ts";
import { strataVersion } from "./version.ts";

type Method = (parts: FeastParts, request: never) => Promise<object> | object;

const SERVING_METHODS: Readonly<Record<string, Method>> = { GetFeastServingInfo: () => ({ version: strataVersion }), GetOnlineFeatures: getOnlineFeatures };
const SERVER_METHODS: Readonly<Record<string, Method>> = { Push: push, WriteToOnlineStore: writeToOnlineStore, GetOnlineFeatures: getOnlineFeatures };

export function addFeastServices(server: Server, parts: FeastParts): void {
  server.addService(SERVING_SERVICE, handlersOf(parts, SERVING_METHODS, false));
  server.addService(FEATURE_SERVER, handlersOf(parts, SERVER_METHODS, true));
}

function handlersOf(parts: FeastParts, methods: Readonly<Record<string, Method>>, isPythonServer: boolean): UntypedServiceImplementation {
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => {
    void answer(() => method(parts, call.request as never), done, isPythonServer); // each method's message is read by its own description
  }]));
}

async function answer(work: () => Promise<object> | object, done: sendUnaryData<object>, isPythonServer: boolean): Promise<void> {
  try {
    done(null, await work());
  } catch (thrown) {
    const { code, details } = grpcFailure(thrown, isPythonServer);
    done({ code: Status[code], details });
  }
}
