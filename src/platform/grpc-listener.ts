/**
 * The gRPC port. It listens from the start and loads gRPC with the first connection: that takes 0.2 s and 30 MB, which
 * a process that nobody asks by gRPC should not pay.
 */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { StrataError } from "../kernel/errors.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import type { GrpcServer } from "./grpc-server.ts";

export interface GrpcListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly protocol: InferenceProtocol;
  /** Absent: this process has no features to serve. */
  readonly feast?: FeastParts | undefined;
}

export interface GrpcListener {
  readonly port: number;
  /** Stops accepting, waits for calls in flight until the deadline, then cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

export async function openGrpcListener({ host, port, protocol, feast }: GrpcListenerOptions): Promise<GrpcListener> {
  const sockets = new Set<Socket>();
  let loading: Promise<GrpcServer> | undefined;
  const load = async (): Promise<GrpcServer> => (await import("./grpc-server.ts")).createGrpcServer(protocol, feast);
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // a connection that breaks ends its calls, nothing more
    (loading ??= load()).then((server) => server.accept(socket), () => socket.destroy());
  });
  await listen(listener, { host, port });
  return {
    port: (listener.address() as AddressInfo).port, // a TCP server has a TCP address
    close: async (deadlineMs) => {
      const ended = new Promise((resolve) => listener.close(resolve)); // once every connection is gone
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), deadlineMs);
      if (loading === undefined) for (const socket of sockets) socket.destroy();
      await (await loading)?.drain();
      await ended;
      clearTimeout(cut);
    },
  };
}

function listen(listener: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", (thrown: NodeJS.ErrnoException) => reject(thrown.code === "EADDRINUSE" ? new StrataError("PORT_IN_USE", { port }, { cause: thrown }) : thrown));
    listener.listen({ host, port, backlog: 1_024 }, resolve);
  });
}
