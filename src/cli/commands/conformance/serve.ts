/** `strata conformance serve`: the suite's reference models on a server of their own. */
import { openConformanceServer } from "../../../platform/conformance.ts";
import { defineCommand } from "../../command.ts";

interface Serving {
  readonly url: string;
  readonly grpc: string;
}

export const serve = defineCommand({
  name: "serve",
  summary: "Serve the reference models of the suite until Ctrl-C",
  description: "Identity models of every datatype, simple and simple_string as in Triton's examples, a slow one, a failing one, one of two versions. Nothing is kept afterwards.",
  options: {
    port: { type: "number", integer: true, minimum: 0, maximum: 65_535, default: 8000, description: "HTTP port; gRPC listens on the next one. 0 picks free ones" },
    host: { type: "string", placeholder: "address", default: "127.0.0.1", description: "Address to listen on" },
    name: { type: "string", placeholder: "text", default: "strata", description: "Name in the server's metadata; Triton's example scripts expect triton" },
  },
  examples: [
    { command: "strata conformance serve", note: "on ports 8000 and 8001, where Triton's clients look" },
    { command: "strata conformance serve --port 0 --json", note: "for scripts: one line with the addresses" },
  ],
  run: async function* ({ options: { port, host, name }, signal }): AsyncGenerator<Serving> {
    await using server = await openConformanceServer({ port, host, name });
    yield { url: server.url, grpc: server.grpcUrl };
    await new Promise<void>((resolve) => { if (signal.aborted) resolve(); else signal.addEventListener("abort", () => resolve(), { once: true }); });
  },
  render: ({ url, grpc }, { terminal }) => terminal.pairs([["REST", url], ["gRPC", grpc], ["check it", `strata conformance oip ${url}`]]),
});
