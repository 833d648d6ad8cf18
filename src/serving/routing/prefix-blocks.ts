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
  let hash = 0x811c9dc5; // FNV-1a, 32 bits: a chance meeting costs one worse choice, never a wrong answer
  for (let block = 0; block < count; block++) {
    const end = Math.min(length, (block + 1) * BLOCK_UNITS);
    if (typeof text === "string") for (let at = block * BLOCK_UNITS; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    else for (let at = block * BLOCK_UNITS; at < end; at++) hash = Math.imul(hash ^ text[at]!, 0x01000193);
    blocks.push(hash);
  }
  return blocks;
}
