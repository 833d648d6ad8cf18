/** When requests are sent: as soon as a connection is free (closed loop), or when they come by themselves (open loop). */
import { createDraws } from "./seeded-draws.ts";
import type { Connection } from "./connection.ts";
import type { ArrivalPlan } from "./load-plan.ts";

export interface Arrivals {
  start(connections: readonly Connection[]): void;
  /** The connection has its answer. */
  freed(connection: Connection): void;
  /** Sends nothing more; returns how many requests had come but found no free connection. */
  stop(): number;
}

/** Sends over a connection a request that came at `sinceMs`; false when no more may be sent. */
export type Send = (connection: Connection, sinceMs: number) => boolean;

export function createArrivals(plan: ArrivalPlan, send: Send): Arrivals {
  return plan.kind === "open" ? openLoop(plan, send) : closedLoop(send);
}

function closedLoop(send: Send): Arrivals {
  return {
    start: (connections) => {
      for (const connection of connections) send(connection, performance.now());
    },
    freed: (connection) => { send(connection, performance.now()); },
    stop: () => 0,
  };
}

/** A request without a free connection waits, and its latency counts the wait: slow answers cannot hide behind requests never sent. */
function openLoop({ perSecond, seed }: { readonly perSecond: number; readonly seed: number }, send: Send): Arrivals {
  const random = createDraws(seed);
  const free: Connection[] = [];
  const waiting: number[] = [];
  let first = 0;
  let nextAtMs = 0;
  let ticking: NodeJS.Timeout | undefined;
  const dispatch = (): void => {
    while (free.length > 0 && first < waiting.length && send(free.at(-1)!, waiting[first]!)) {
      free.pop();
      first += 1;
    }
  };
  return {
    start: (connections) => {
      free.push(...connections);
      nextAtMs = performance.now();
      ticking = setInterval(() => {
        for (const nowMs = performance.now(); nextAtMs <= nowMs; nextAtMs += random.exponential(1000 / perSecond)) waiting.push(nextAtMs);
        dispatch();
      }, 1);
    },
    freed: (connection) => {
      free.push(connection);
      dispatch();
    },
    stop: () => {
      clearInterval(ticking);
      return waiting.length - first;
    },
  };
}
