/**
 * A small shop in front of Strata: it serves one page and passes a visitor's clicks and purchases on as events,
 * so that the next recommendations change at once. All state is in Strata.
 */
import { readFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ShopProduct {
  readonly item: string;
  readonly title: string;
  readonly price: number;
}

export interface ShopOptions {
  /** Where Strata listens, e.g. http://127.0.0.1:4180. */
  readonly strataUrl: string;
  readonly products: ReadonlyMap<string, ShopProduct>;
  /** Who may be chosen as visitor; asked for with every page, since customers come. */
  readonly customers: () => readonly string[];
  /** The time stamped on events; a replay runs on its own clock. */
  readonly now: () => number;
  readonly port?: number;
}

export interface Shop extends AsyncDisposable {
  readonly url: string;
}

export async function openShop(options: ShopOptions): Promise<Shop> {
  const page = await readFile(new URL("./shop.html", import.meta.url));
  const server = createServer((request, response) => {
    answer(request, response, { ...options, page }).catch((thrown: unknown) => {
      response.writeHead(502, { "content-type": "application/json" }).end(JSON.stringify({ error: String(thrown) }));
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has a TCP address
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, shop: ShopOptions & { readonly page: Buffer }): Promise<void> {
  const path = (request.url ?? "/").split("?")[0]!;
  if (request.method === "GET" && path === "/") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(shop.page);
    return;
  }
  if (request.method === "GET" && path === "/catalogue") {
    const products = [...shop.products.values()].slice(0, 2_000);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ products, customers: shop.customers().slice(0, 50) }));
    return;
  }
  const body = JSON.parse((await readAll(request)).toString("utf8")) as Readonly<Record<string, unknown>>; // the page's own script sent it
  const forwarded = await forward(path, body, shop);
  response.writeHead(forwarded.status, { "content-type": "application/json" }).end(forwarded.body);
}

/** Which event or question each button of the page means. */
function forward(path: string, body: Readonly<Record<string, unknown>>, { strataUrl, now }: ShopOptions): Promise<{ readonly status: number; readonly body: Buffer }> {
  const at = new Date(now()).toISOString();
  switch (path) {
    case "/recommend": return post(`${strataUrl}/v1/endpoints/recommend`, body);
    case "/click": return post(`${strataUrl}/v1/streams/clicks/events`, { ...body, at });
    case "/buy": return post(`${strataUrl}/v1/streams/purchases/events`, { ...body, order: `SHOP-${now()}`, quantity: 1, at });
    default: return Promise.resolve({ status: 404, body: Buffer.from(`{"error":"there is nothing at ${path}"}`) });
  }
}

function post(url: string, body: unknown): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: "POST", headers: { "content-type": "application/json" } }, (incoming) => {
      readAll(incoming).then((bytes) => resolve({ status: incoming.statusCode ?? 502, body: bytes }), reject);
    });
    outgoing.once("error", reject).end(JSON.stringify(body));
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // no encoding is set, so chunks are buffers
  return Buffer.concat(chunks);
}
