/**
 * Whether two texts ask the same. The cosine of their embeddings says that they are about the same; it hardly moves
 * when a number, a name or a "not" changes, which is when the answer does. So these must be equal too.
 */

export interface TextInPartition {
  readonly id: string;
  readonly text: string;
  /** Length 1. */
  readonly vector: Float32Array;
}

export interface SimilarText {
  readonly id: string;
  readonly similarity: number;
}

/** The most similar one that states the same facts, if it is similar enough. */
export function mostSimilar(candidates: Iterable<TextInPartition>, { text, vector, minSimilarity }: { readonly text: string; readonly vector: Float32Array; readonly minSimilarity: number }): SimilarText | undefined {
  let best: SimilarText | undefined;
  const facts = factsOf(text);
  for (const candidate of candidates) {
    const similarity = dot(vector, candidate.vector);
    if (similarity < Math.max(minSimilarity, best?.similarity ?? -1)) continue;
    if (factsOf(candidate.text) === facts) best = { id: candidate.id, similarity };
  }
  return best;
}

const NEGATION = /^(?:not?|never|without|except|nothing|none|neither|nor|cannot|nicht|kein\w*|ohne|nie|jamais|sans|pas|sin|nunca|non|\w+n['’]t)$/i;

/** Numbers, negations, names within a sentence and quoted words, in order of the alphabet. */
export function factsOf(text: string): string {
  const facts: string[] = [];
  for (const match of text.matchAll(/["'“”‘’`](?<quoted>[^"“”`]{1,200}?)["'“”‘’`](?!\p{L})|(?<number>[-+]?\d+(?:[.,:/]\d+)*)|(?<word>\p{L}[\p{L}\p{M}\d]*(?:['’]\p{L}+)?)/gu)) {
    const { quoted, number, word } = match.groups!;
    if (quoted !== undefined) facts.push(`"${quoted.toLowerCase()}`);
    else if (number !== undefined) facts.push(number);
    else if (NEGATION.test(word!)) facts.push("not");
    else if (/^\p{Lu}/u.test(word!) && !beginsSentence(text, match.index)) facts.push(word!.toLowerCase());
  }
  return facts.toSorted().join("\n");
}

/** A capital there says nothing. */
function beginsSentence(text: string, index: number): boolean {
  return /(?:^|[.!?:\n])["'“‘(\s]*$/.test(text.slice(Math.max(0, index - 20), index));
}

/** A copy of length 1; undefined when the vector has no direction. */
export function unitVector(values: Float32Array | readonly number[]): Float32Array | undefined {
  const vector = Float32Array.from(values);
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (!(length > 0) || !Number.isFinite(length)) return undefined;
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  return vector;
}

function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return -1; // another embedding model
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
