/** A server that knows nothing but the console: the files it is given, one overview that tests exchange, and a definition. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Overview } from "../../src/protocols/admin/overview.ts";
import type { HttpRequest, HttpResponse } from "../../src/protocols/http.ts";
import { storefrontDefinition } from "./storefront-definition.ts";

export interface ConsoleServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Sends it to every open page, and to those that come later. */
  show(overview: Overview): void;
}

export interface ConsoleServerOptions {
  readonly overview: Overview;
  readonly files: (request: HttpRequest) => Promise<HttpResponse | undefined>;
  /** 0, a free one, unless given. */
  readonly port?: number;
}

export async function openConsoleServer({ overview: first, files, port: wanted = 0 }: ConsoleServerOptions): Promise<ConsoleServer> {
  const pages = new Set<ServerResponse>();
  let overview = first;
  const send = (page: ServerResponse): boolean => page.write(`event: overview\ndata: ${JSON.stringify(overview)}\n\n`);

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (message.url === "/v1/overview/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      pages.add(response);
      response.once("close", () => pages.delete(response));
      send(response);
      return;
    }
    if (message.url === "/v1/definition") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ hash: overview.definitionHash, document: storefrontDefinition }));
      return;
    }
    const answer = await files(requestOf(message)).catch((): HttpResponse => ({ status: 404 }));
    response.writeHead(answer?.status ?? 404, answer?.headers);
    response.end(answer?.body instanceof Uint8Array || typeof answer?.body === "string" ? answer.body : undefined);
  };
  const server = createServer((message, response) => void serve(message, response));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(wanted, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has a TCP address

  return {
    url: `http://127.0.0.1:${port}/`, port,
    show: (next) => {
      overview = next;
      for (const page of pages) send(page);
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function requestOf({ method = "GET", url = "/", headers }: IncomingMessage): HttpRequest {
  return { method, path: url.split("?", 1)[0]!, query: new URLSearchParams(), headers: headers as HttpRequest["headers"], body: Buffer.alloc(0), signal: new AbortController().signal };
}
