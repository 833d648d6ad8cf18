/** Open Inference over HTTP and gRPC as this process serves it: one protocol, a JSON thread, a gRPC port beside the HTTP port. */
import type { Clock } from "../kernel/clock.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import type { ModelServer } from "../serving/index.ts";
import type { Config } from "./config.ts";
import { openGrpcListener } from "./grpc-listener.ts";
import type { GrpcListener } from "./grpc-listener.ts";
import { createJsonTensorWorker } from "./json-tensor-worker.ts";

export interface InferenceEdge extends AsyncDisposable {
  readonly protocol: InferenceProtocol;
  /** Opens the gRPC port, once the HTTP port is known. */
  listen(httpPort: number): Promise<GrpcListener>;
}

interface EdgeParts {
  readonly config: Config;
  readonly models: ModelServer;
  readonly clock: Clock;
  readonly feast?: FeastParts;
}

export function createInferenceEdge({ config, models, clock, feast }: EdgeParts): InferenceEdge {
  const work = createJsonTensorWorker();
  const protocol: InferenceProtocol = { models, clock, maxBodyBytes: config.maxBodyBytes, name: config.inferenceName, work };
  return {
    protocol,
    listen: (httpPort) => openGrpcListener({ host: config.host, port: grpcPortOf(config, httpPort), protocol, feast }),
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}

/** Beside a port that was chosen the next one; beside a free one that was picked any free one. */
export function grpcPortOf({ port, grpcPort }: Pick<Config, "port" | "grpcPort">, httpPort: number): number {
  if (grpcPort !== undefined) return grpcPort;
  return port === 0 || httpPort === 65_535 ? 0 : httpPort + 1;
}
