/** A llama model of 0.1 million random weights as a GGUF file (version 3): it writes nonsense, but through all of llama.cpp, and no download is needed. */
import { createRandom } from "../../src/kernel/random.ts";

const [WIDTH, LAYERS, HEADS, INNER, CONTEXT] = [64, 2, 4, 128, 2_048];
const ALIGNMENT = 32;
const [U32, F32, BOOL, STRING, ARRAY, I32] = [4, 6, 7, 8, 9, 5];
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

/** One piece per byte, so that every text can be read, and some letters and words. */
const PIECES: readonly (readonly [string, number])[] = [
  ["<unk>", UNKNOWN], ["<s>", CONTROL], ["</s>", CONTROL],
  ...Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, BYTE] as const),
  ...["▁", ..."abcdefghijklmnopqrstuvwxyz".split(""), ..."etaoinshr".split("").map((letter) => `▁${letter}`), "▁the", "▁and", "▁of"].map((piece) => [piece, NORMAL] as const),
];

export function tinyGguf(seed = 1): Buffer {
  const tensors = tensorsOf(seed);
  const metadata = metadataOf();
  const head = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(metadata.length), ...metadata];
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    head.push(text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset));
    offset += Math.ceil(data.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...tensors.map(({ data }) => padded(Buffer.from(data.buffer)))]);
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function tensorsOf(seed: number): readonly Tensor[] {
  const random = createRandom(seed);
  const make = (name: string, shape: readonly number[], value: () => number): Tensor => ({ name, shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, value) });
  const weights = (name: string, ...shape: readonly number[]): Tensor => make(`${name}.weight`, shape, () => random.normal() / Math.sqrt(shape[0]!));
  const ones = (name: string): Tensor => make(`${name}.weight`, [WIDTH], () => 1);
  const layers = Array.from({ length: LAYERS }, (_, layer) => [
    ones(`blk.${layer}.attn_norm`), ...["attn_q", "attn_k", "attn_v", "attn_output"].map((part) => weights(`blk.${layer}.${part}`, WIDTH, WIDTH)),
    ones(`blk.${layer}.ffn_norm`), weights(`blk.${layer}.ffn_gate`, WIDTH, INNER), weights(`blk.${layer}.ffn_up`, WIDTH, INNER), weights(`blk.${layer}.ffn_down`, INNER, WIDTH),
  ]).flat();
  return [weights("token_embd", WIDTH, PIECES.length), ...layers, ones("output_norm"), weights("output", WIDTH, PIECES.length)];
}

function metadataOf(): readonly Buffer[] {
  const number = (key: string, value: number): Buffer => Buffer.concat([text(key), u32(U32), u32(value)]);
  const word = (key: string, value: string): Buffer => Buffer.concat([text(key), u32(STRING), text(value)]);
  const list = (key: string, type: number, items: readonly Buffer[]): Buffer => Buffer.concat([text(key), u32(ARRAY), u32(type), u64(items.length), ...items]);
  return [
    word("general.architecture", "llama"), word("general.name", "tiny"), number("general.file_type", 0), number("general.alignment", ALIGNMENT),
    number("llama.context_length", CONTEXT), number("llama.embedding_length", WIDTH), number("llama.block_count", LAYERS), number("llama.feed_forward_length", INNER),
    number("llama.attention.head_count", HEADS), number("llama.attention.head_count_kv", HEADS), number("llama.rope.dimension_count", WIDTH / HEADS), number("llama.vocab_size", PIECES.length),
    Buffer.concat([text("llama.attention.layer_norm_rms_epsilon"), u32(F32), f32(1e-5)]),
    word("tokenizer.ggml.model", "llama"), list("tokenizer.ggml.tokens", STRING, PIECES.map(([piece]) => text(piece))),
    list("tokenizer.ggml.scores", F32, PIECES.map((_, at) => f32(-at))), list("tokenizer.ggml.token_type", I32, PIECES.map(([, type]) => u32(type))),
    number("tokenizer.ggml.bos_token_id", 1), number("tokenizer.ggml.eos_token_id", 2), number("tokenizer.ggml.unknown_token_id", 0),
    Buffer.concat([text("tokenizer.ggml.add_bos_token"), u32(BOOL), Buffer.from([1])]),
  ];
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)]);
}
