/**
 * A replica for the routing bench, as a process: an Open Inference server whose model takes its time. One request after
 * another, each an exponentially distributed time around the mean, times the slowness: real timers, no computing.
 * `node replica-server.ts <mean ms> <slowness> <seed>`; prints its port.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [meanMs = 20, slowness = 1, seed = 1] = process.argv.slice(2).map(Number);
let state = seed;
/** Park & Miller's generator: importing Strata's would make fifteen processes start slowly. */
const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
const TENSOR = { datatype: "FP64", shape: [-1, 1] };
const ANSWER = JSON.stringify({ model_name: "m", model_version: "1", outputs: [{ name: "y", datatype: "FP64", shape: [1, 1], data: [1] }] });
let freeAtMs = 0;

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const send = (body: string): void => { response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body); };
  if (request.method === "GET") return send(JSON.stringify(request.url === "/v2" ? { name: "replica", extensions: [] } : { name: "m", platform: "bench", inputs: [{ name: "x", ...TENSOR }], outputs: [{ name: "y", ...TENSOR }] }));
  request.resume().once("end", () => {
    const nowMs = performance.now();
    freeAtMs = Math.max(freeAtMs, nowMs) + -meanMs * Math.log(uniform()) * slowness;
    setTimeout(() => send(ANSWER), freeAtMs - nowMs);
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`)); // a TCP server has a TCP address
