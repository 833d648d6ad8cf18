/**
 * Everything that opens, closes. A Service has typed states; a supervisor starts services in order of
 * their needs, stops them in reverse with a deadline, and rolls back a failed start.
 */
import { StrataError, reasonOf } from "./errors.ts";

export type ServiceState = "new" | "starting" | "ready" | "draining" | "stopped" | "failed";

export interface Service {
  readonly name: string;
  /** Names of services that must be ready before this one starts. */
  readonly needs?: readonly string[];
  start(signal: AbortSignal): Promise<void>;
  /** Finishes what is in flight and closes; must return before `deadlineMs` of real time have passed. */
  stop(deadlineMs: number): Promise<void>;
  health?(): { readonly ok: boolean; readonly reason?: string };
}

export interface Supervisor extends AsyncDisposable {
  start(signal?: AbortSignal): Promise<void>;
  /** Stops in reverse order, each within the deadline, even after failures; failures are reported together. */
  stop(deadlineMs?: number): Promise<void>;
  states(): ReadonlyMap<string, ServiceState>;
}

export function createSupervisor(services: readonly Service[]): Supervisor {
  const ordered = orderByNeeds(services);
  const states = new Map<string, ServiceState>(ordered.map((service) => [service.name, "new"]));
  const started: Service[] = [];

  const stop = async (deadlineMs = 10_000): Promise<void> => {
    const failures: string[] = [];
    while (started.length > 0) {
      const service = started.pop()!;
      states.set(service.name, "draining");
      try {
        await withDeadline(service.stop(deadlineMs), deadlineMs, `Stopping ${service.name}`);
        states.set(service.name, "stopped");
      } catch (thrown) {
        states.set(service.name, "failed");
        failures.push(`${service.name}: ${reasonOf(thrown)}`);
      }
    }
    if (failures.length > 0) throw new StrataError("INTERNAL", { reason: `these services did not stop cleanly: ${failures.join("; ")}` });
  };

  return {
    start: async (signal = new AbortController().signal) => {
      for (const service of ordered) {
        states.set(service.name, "starting");
        try {
          await service.start(signal);
        } catch (thrown) {
          states.set(service.name, "failed");
          await stop().catch(() => undefined); // the first failure is the one worth reporting
          throw new StrataError("SERVICE_START_FAILED", { service: service.name, reason: reasonOf(thrown) }, { cause: thrown });
        }
        started.push(service);
        states.set(service.name, "ready");
      }
    },
    stop,
    states: () => states,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Rejects with DEADLINE_EXCEEDED when the promise takes longer; the work itself is not cancelled. */
export async function withDeadline<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StrataError("DEADLINE_EXCEEDED", { what, timeoutMs })), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function orderByNeeds(services: readonly Service[]): readonly Service[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const ordered: Service[] = [];
  const visiting: string[] = [];
  const done = new Set<string>();
  const visit = (service: Service): void => {
    if (done.has(service.name)) return;
    if (visiting.includes(service.name)) {
      throw new StrataError("INTERNAL", { reason: `services need each other in a circle: ${[...visiting, service.name].join(" → ")}` });
    }
    visiting.push(service.name);
    for (const need of service.needs ?? []) {
      const needed = byName.get(need);
      if (!needed) throw new StrataError("INTERNAL", { reason: `service ${service.name} needs ${need}, which does not exist` });
      visit(needed);
    }
    visiting.pop();
    done.add(service.name);
    ordered.push(service);
  };
  for (const service of services) visit(service);
  return ordered;
}
