/**
 * A prompt as a chain of block hashes: each covers its block and everything before it, so equal hashes mean equal
 * prefixes. Bytes, not tokens: a tokenizer costs more than the cache hit it would find.
 */

/** Characters or bytes per block: about 32 tokens, the order of an engine's cache block. */
export const BLOCK_UNITS = 128;

/** Blocks looked at; a longer prompt is told apart by its first 32,768 units. */
export const MAXIMUM_BLOCKS = 256;

/** Hashes of the full blocks; of a text shorter than one block, the hash of all of it. */
export function prefixBlocks(text: string | Uint8Array): readonly number[] {
  const { length } = text;
  if (length === 0) return [];
  const blocks: number[] = [];
  const count = Math.min(MAXIMUM_BLOCKS, Math.max(1, Math.floor(length / BLOCK_UNITS)));
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let block = 0; block < count; block++) {
    const end = Math.min(length, (block + 1) * BLOCK_UNITS);
    for (let at = block * BLOCK_UNITS; at < end; at++) {
      const unit = typeof text === "string" ? text.charCodeAt(at) : text[at]!;
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b) ^ (high >>> 13);
    }
    blocks.push((high & 0x1fffff) * 4_294_967_296 + (low >>> 0)); // 53 bits; a chance meeting costs one worse choice, never a wrong answer
  }
  return blocks;
}
