/** One unary gRPC call before a load, to ask what the server has. */
import { connect } from "node:http2";
import type { IncomingHttpHeaders } from "node:http2";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { TensorSpec } from "../../kernel/tensor.ts";
import { isDatatype } from "../../kernel/tensor.ts";
import { grpcMessage, grpcStatusName } from "./grpc-status.ts";
import { bytesField, readFields, readMessages, readPacked, readTexts } from "./protobuf.ts";

export interface GrpcCallOptions {
  /** "http://host:port" or "https://host:port". */
  readonly origin: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly allowsAnyCertificate: boolean;
  readonly timeoutMs: number;
}

/** Asks ModelMetadata for the inputs of a model. LOAD_TARGET_FAILED when the server does not answer it. */
export async function grpcModelInputs(model: string, version: string | undefined, options: GrpcCallOptions): Promise<readonly TensorSpec[]> {
  const request = Buffer.concat([bytesField(1, model), ...(version === undefined ? [] : [bytesField(2, version)])]);
  const answer = readFields(await callGrpc("/inference.GRPCInferenceService/ModelMetadata", request, options));
  return readMessages(answer, 4).map((input): TensorSpec => {
    const fields = readFields(input);
    const [name = "", datatype = ""] = [readTexts(fields, 1)[0], readTexts(fields, 2)[0]];
    if (!isDatatype(datatype)) throw failed(options, `input ${name} of ${model} has the datatype "${datatype}"`);
    return { name, datatype, shape: readPacked(fields, 3) };
  });
}

export async function callGrpc(path: string, message: Uint8Array, options: GrpcCallOptions): Promise<Uint8Array> {
  const session = connect(options.origin, { rejectUnauthorized: !options.allowsAnyCertificate });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", (thrown) => reject(failed(options, reasonOf(thrown))));
      const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", "content-type": "application/grpc", ...options.metadata });
      const timer = setTimeout(() => reject(failed(options, `no answer to ${path} within ${options.timeoutMs} ms`)), options.timeoutMs);
      const pieces: Buffer[] = [];
      const fields: IncomingHttpHeaders = {};
      stream.on("response", (head) => Object.assign(fields, head)).on("trailers", (trailers) => Object.assign(fields, trailers));
      stream.on("data", (piece: Buffer) => pieces.push(piece)).on("error", (thrown) => reject(failed(options, reasonOf(thrown))));
      stream.on("close", () => {
        clearTimeout(timer);
        const [status, message] = [textOf(fields["grpc-status"]), textOf(fields["grpc-message"])];
        if (status === "0") resolve(Buffer.concat(pieces).subarray(5));
        else reject(failed(options, status === undefined ? "it does not speak gRPC" : `${grpcStatusName(status)}: ${grpcMessage(message)}`));
      });
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([head, message]));
    });
  } finally {
    session.destroy();
  }
}

const failed = ({ origin }: GrpcCallOptions, reason: string): StrataError => new StrataError("LOAD_TARGET_FAILED", { url: origin, reason });

const textOf = (value: string | readonly string[] | undefined): string | undefined => (typeof value === "string" ? value : value?.[0]);
