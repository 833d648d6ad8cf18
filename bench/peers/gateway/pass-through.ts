/**
 * The floor for a gateway on Node: node:http on both sides, bytes passed on as they come, nothing read, checked or
 * counted. What it cannot hold on a machine, no gateway on Node can.
 *
 *   pass-through.ts <port> <upstream port>
 */
import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

function pass(incoming: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const body = Buffer.concat(chunks);
    const upstream = request({ host: "127.0.0.1", port: upstreamPort, path: incoming.url, method: "POST", agent, headers: { "content-type": "application/json", "content-length": body.length } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] ?? "", ...(answer.headers["content-length"] === undefined ? {} : { "content-length": answer.headers["content-length"] }) });
      answer.on("data", (chunk: Buffer) => response.write(chunk));
      answer.on("end", () => response.end());
      answer.on("error", () => response.destroy());
    });
    upstream.on("error", () => response.destroy());
    upstream.end(body);
  });
}

createServer({ keepAliveTimeout: 120_000 }, pass).listen({ host: "127.0.0.1", port, backlog: 1_024 });
