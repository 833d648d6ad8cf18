/** The NATS client as far as it is used, loaded when a log is first opened on NATS: both packages are optional peers. */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { NatsConnection } from "@nats-io/transport-node";

export interface NatsLibrary {
  readonly transport: typeof import("@nats-io/transport-node");
  readonly jetstream: typeof import("@nats-io/jetstream");
}

export interface NatsServerOptions {
  /** "nats://host:4222", or several. */
  readonly servers: string | readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Shown by the server's monitoring. */
  readonly clientName?: string;
}

/** RUNTIME_MISSING with what to install. */
export async function loadNats(): Promise<NatsLibrary> {
  try {
    const [transport, jetstream] = await Promise.all([import("@nats-io/transport-node"), import("@nats-io/jetstream")]);
    return { transport, jetstream };
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "NATS", package: "@nats-io/transport-node @nats-io/jetstream" }, { cause: thrown });
  }
}

/** Connects, and stays connected: a server that goes away is asked again until the connection is closed. LOG_UNREACHABLE when it never answered. */
export async function connectToNats({ transport }: NatsLibrary, options: NatsServerOptions): Promise<NatsConnection> {
  const servers = typeof options.servers === "string" ? [options.servers] : [...options.servers];
  const { user, password, token } = options;
  try {
    return await transport.connect({
      servers, maxReconnectAttempts: -1, reconnectTimeWait: 200, reconnectJitter: 50, maxPingOut: 3, pingInterval: 5_000, name: options.clientName ?? "strata",
      ...(user === undefined ? {} : { user, pass: password ?? "" }), ...(token === undefined ? {} : { token }),
    });
  } catch (thrown) {
    throw new StrataError("LOG_UNREACHABLE", { server: servers.join(", "), reason: reasonOf(thrown) }, { cause: thrown });
  }
}
