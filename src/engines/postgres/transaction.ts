/** Runs work in transactions until one is kept: what was undone (a lost race, a broken connection) is run again within the time. */
import { setTimeout as sleep } from "node:timers/promises";
import { isUndone } from "./postgres-errors.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { createPostgresSession, type BeginOptions, type PostgresSession } from "./postgres-session.ts";

const BACKOFF_FIRST_MS = 1;
const BACKOFF_MOST_MS = 100;

/** `attempt` has no effect outside its transaction: it may run several times. */
export async function untilKept<T>(timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isUndone(thrown) || performance.now() > deadline) throw thrown;
    }
    await sleep(Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(tries, 10)));
  }
}

export async function inTransaction<T>(pool: PostgresPool, options: BeginOptions, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  return untilKept(pool.timeoutMs, async () => {
    const session = createPostgresSession(pool);
    try {
      await session.begin(options);
      const result = await work(session);
      await session.commit();
      return result;
    } catch (thrown) {
      await session.rollback();
      throw thrown;
    } finally {
      session.release();
    }
  });
}
