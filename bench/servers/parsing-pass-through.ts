/**
 * The least that a gateway which reads its calls can do on Node: node:http in front, undici's pool behind, both bodies
 * parsed as JSON, nothing decided. What a gateway costs above it is its own work.
 *
 *   parsing-pass-through.ts <port> <url of the upstream>
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";

const [port = "0", upstream = ""] = process.argv.slice(2);
const base = new URL(upstream);
const pool = new Pool(base.origin, { connections: 256 });

function forward(body: Buffer, response: ServerResponse): void {
  const request = JSON.parse(body.toString()) as { readonly stream?: boolean };
  const chunks: Buffer[] = [];
  pool.dispatch({ method: "POST", path: `${base.pathname}/chat/completions`, headers: { "content-type": "application/json" }, body: JSON.stringify(request) }, {
    onRequestStart: () => undefined,
    onResponseStart: () => { if (request.stream === true) response.writeHead(200, { "content-type": "text/event-stream" }); },
    onResponseData: (_, chunk) => void (request.stream === true ? response.write(chunk) : chunks.push(chunk)),
    onResponseEnd: () => {
      if (request.stream === true) return void response.end();
      const answer = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      JSON.parse(answer.toString());
      response.writeHead(200, { "content-type": "application/json", "content-length": answer.length }).end(answer);
    },
    onResponseError: () => void response.destroy(),
  });
}

createServer({ keepAliveTimeout: 65_000 }, (message: IncomingMessage, response: ServerResponse) => {
  const chunks: Buffer[] = [];
  message.on("data", (chunk: Buffer) => chunks.push(chunk));
  message.on("end", () => forward(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), response));
}).listen({ host: "127.0.0.1", port: Number(port), backlog: 1024 });
