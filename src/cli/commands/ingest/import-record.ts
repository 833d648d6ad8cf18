/**
 * The operation record of a long import: others see its progress at the server. Short imports make none. The record is
 * a courtesy, not the import: when it cannot be written, the import goes on.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Operation } from "../../../platform/api.ts";
import type { ApiClient } from "../../api-client.ts";

export interface ImportRecord {
  update(done: number, total: number | undefined): void;
  /** Resolves when the record says how it ended. */
  end(state: "done" | "failed", done: number): Promise<void>;
}

export interface ImportRecordOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly stream: string;
  readonly file: string;
}

/** Shorter imports are over before anybody could look. */
const LONG_MS = 2_000;
const TELL_EVERY_MS = 1_000;

export function createImportRecord({ client, clock, stream, file }: ImportRecordOptions): ImportRecord {
  const startedMs = clock.monotonicMs();
  let toldMs = -Infinity;
  let told: Promise<string | undefined> = Promise.resolve(undefined);

  const tell = (body: { readonly done: number; readonly total: number; readonly state: "running" | "done" | "failed" }): void => {
    told = told.then(async (known) => {
      const id = known ?? (await client.post<Operation>("/v1/operations", { kind: "backfill", stream, file })).id;
      await client.post(`/v1/operations/${id}/progress`, body);
      return id;
    }).catch(() => undefined);
  };

  return {
    update: (done, total = 0) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - startedMs < LONG_MS || nowMs - toldMs < TELL_EVERY_MS) return;
      toldMs = nowMs;
      tell({ done, total: Math.max(total, done), state: "running" });
    },
    end: async (state, done) => {
      if (toldMs === -Infinity) return;
      tell({ done, total: done, state });
      await told;
    },
  };
}
