/** The Kafka client as far as it is used, loaded when a log is first opened on Kafka: an optional peer. */
import { StrataError } from "../../kernel/errors.ts";

export type KafkaLibrary = typeof import("@platformatic/kafka");

/** RUNTIME_MISSING with what to install. */
export async function loadKafka(): Promise<KafkaLibrary> {
  try {
    return await import("@platformatic/kafka");
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "Kafka", package: "@platformatic/kafka" }, { cause: thrown });
  }
}
