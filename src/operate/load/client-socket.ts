/** A bare socket to the server under load, with TLS where the plan asks for it. */
import { createConnection, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { LoadPlan } from "./load-plan.ts";

export function openClientSocket({ host, port, tls }: Pick<LoadPlan, "host" | "port" | "tls">): Socket {
  if (tls === undefined) return createConnection({ host, port, noDelay: true });
  const socket = connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), rejectUnauthorized: !tls.allowsAnyCertificate, ALPNProtocols: ["http/1.1"] });
  socket.setNoDelay(true);
  return socket;
}
