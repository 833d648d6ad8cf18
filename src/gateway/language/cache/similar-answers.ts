/**
 * Answers found by what was asked, not by how: each partition (see request-digest.ts) has its own texts with their
 * vectors, compared one by one.
 */
import type { KeptAnswer } from "./kept-answers.ts";
import { createKeptAnswers } from "./kept-answers.ts";
import { mostSimilar, type TextInPartition } from "./similar-texts.ts";

export interface SimilarAnswers {
  find(asked: AskedText & { readonly minSimilarity: number }, nowMs: number): { readonly kept: KeptAnswer; readonly similarity: number } | undefined;
  keep(asked: AskedText, answer: Omit<KeptAnswer, "id" | "extraBytes">): void;
  forget(model: string): void;
}

export interface AskedText {
  readonly partition: string;
  readonly text: string;
  /** Length 1. */
  readonly vector: Float32Array;
}

/** Per partition: 1,000 vectors of 1,536 numbers are compared in about 2 ms. */
const MOST_TEXTS = 1_000;

export function createSimilarAnswers({ maxBytes }: { readonly maxBytes: number }): SimilarAnswers {
  const partitions = new Map<string, Map<string, TextInPartition>>();
  const partitionOf = new Map<string, string>();
  let sequence = 0;

  const forgetText = (id: string): void => {
    const partition = partitionOf.get(id)!; // set before the answer was put
    const texts = partitions.get(partition);
    partitionOf.delete(id);
    texts?.delete(id);
    if (texts?.size === 0) partitions.delete(partition);
  };
  const answers = createKeptAnswers({ maxBytes, onDrop: forgetText });

  return {
    find: ({ partition, text, vector, minSimilarity }, nowMs) => {
      const found = mostSimilar(partitions.get(partition)?.values() ?? [], { text, vector, minSimilarity });
      const kept = found && answers.get(found.id, nowMs);
      return found && kept && { kept, similarity: found.similarity };
    },
    keep: ({ partition, text, vector }, answer) => {
      const id = String(sequence++);
      const texts = partitions.get(partition) ?? new Map<string, TextInPartition>();
      partitions.set(partition, texts.set(id, { id, text, vector }));
      partitionOf.set(id, partition);
      if (!answers.put({ ...answer, id, extraBytes: vector.byteLength + text.length * 2 })) return forgetText(id);
      if (texts.size > MOST_TEXTS) answers.drop(texts.keys().next().value!);
    },
    forget: (model) => answers.forget(model),
  };
}
