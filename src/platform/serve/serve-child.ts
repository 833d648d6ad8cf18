/**
 * The entry of a serving process: asks its supervisor what to serve, serves, and ends when it is told to drain or the
 * supervisor is gone. Signals of the terminal reach every process of the group; only the supervisor acts on them.
 */
import { createProcessLink } from "./process-link.ts";
import type { LinkMessage } from "./process-link.ts";
import { openServingProcess } from "./serving-process.ts";
import type { ServingOrders, ServingProcess } from "./serving-process.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("warning", () => undefined); // the supervisor's own warnings are enough

const link = createProcessLink("supervisor", {
  send: (message) => { process.send?.(message, undefined, undefined, () => undefined); }, // a supervisor that is gone is noticed below
  subscribe: (receive) => { process.on("message", (message) => receive(message as LinkMessage)); }, // the parent is our own supervisor
});

let serving: ServingProcess | undefined;
let leaving: Promise<void> | undefined;
const leave = (): Promise<void> => (leaving ??= serving === undefined ? Promise.resolve() : serving.drain());

link.on("drain", leave);
process.on("disconnect", () => {
  link.close();
  void leave().finally(() => process.exit(0));
});

try {
  serving = await openServingProcess(await link.ask<ServingOrders>("orders"), link);
  await link.ask("ready");
} catch (thrown) {
  await link.ask("failed", thrown instanceof Error ? { reason: thrown.message } : { reason: String(thrown) }).catch(() => undefined);
  process.exit(1);
}
