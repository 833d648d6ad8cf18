/**
 * What node:http alone costs: the yardstick that other servers' CPU per request is divided by, in the same run.
 * "/json" parses the body and answers a small JSON object; "/lines" parses every line of an NDJSON body,
 * "/bytes" only collects the body.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serveCommands } from "./server-commands.ts";

const ANSWER = JSON.stringify({ decision: "00000000-0000-7000-8000-000000000000", endpoint: "baseline", model: "none", version: 1, variant: "champion", outputs: [0.123456789] });

function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const status = request.url === "/bytes" ? 200 : request.url === "/lines" ? parseLines(bytes.toString("utf8")) : parseOne(bytes.toString("utf8"));
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(ANSWER) }).end(ANSWER);
  });
}

function parseOne(body: string): number {
  JSON.parse(body);
  return 200;
}

function parseLines(body: string): number {
  for (const line of body.split("\n")) if (line !== "") JSON.parse(line);
  return 202;
}

const server = createServer(answer);
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  const { port } = server.address() as AddressInfo; // a TCP server has a TCP address
  serveCommands({ url: `http://127.0.0.1:${port}`, commands: {}, close: () => { server.closeAllConnections(); server.close(); } });
});
