/**
 * Compiles src/engines/vectors/kernels.wat to kernel-bytes.ts beside it, which is committed: users need no compiler.
 * `node --conditions=source scripts/vector-kernels.ts`; src/engines/vectors/kernels.test.ts checks that the two agree.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import openWabt from "wabt";

const FOLDER = new URL("../src/engines/vectors/", import.meta.url);
const FEATURES = { simd: true, threads: true, bulk_memory: true };
const LINE = 160;

/** The module of kernels.wat. */
export async function compileKernels(): Promise<Uint8Array> {
  const wabt = await openWabt();
  const parsed = wabt.parseWat("kernels.wat", readFileSync(new URL("kernels.wat", FOLDER), "utf8"), FEATURES);
  try {
    (parsed.validate as (features: object) => void).call(parsed, FEATURES); // its type leaves the argument out
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

export function kernelFile(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("base64");
  const lines = text.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return `/** kernels.wat, compiled. Made by \`node --conditions=source scripts/vector-kernels.ts\`; do not edit. */\nexport const KERNEL_BYTES = [\n${lines.map((line) => `  "${line}",`).join("\n")}\n].join("");\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(new URL("kernel-bytes.ts", FOLDER), kernelFile(await compileKernels()));
