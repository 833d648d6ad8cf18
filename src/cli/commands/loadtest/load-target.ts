/** What is put under load: where, what is sent, and how it is called in the report. */
import type { Exchange } from "../../../platform/load-test.ts";
import type { Address } from "./load-options.ts";

export interface LoadTarget {
  /** "POST http://127.0.0.1:4180/v1/endpoints/eta". */
  readonly title: string;
  readonly address: Address;
  readonly exchange: Exchange;
  /** What else a reader must know: "1 row of FP32 [1, 16], binary". */
  readonly notes: readonly string[];
  /** Answers with this text are counted, when --expect names no other. */
  readonly mark?: string;
  /** How they are called: "fallbacks". */
  readonly markName?: string;
}
