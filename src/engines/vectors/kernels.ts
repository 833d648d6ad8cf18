/** The compiled kernels over one shared memory. Each thread has its own instance: where a query lies is its own. */
import { KERNEL_BYTES } from "./kernel-bytes.ts";

export interface Kernels {
  setup(rows: number, blockBytes: number, codeStride: number, metaOffset: number, floatOffset: number, floatStride: number, queryCodes: number, queryFloats: number, weight: number, penalty: number): void;
  query(scale: number, perError: number, perNorm: number): void;
  queryRow(row: number): void;
  queryRowFloats(row: number): void;
  scan(from: number, to: number, threshold: number, out: number): number;
  scanList(list: number, count: number, threshold: number, out: number): number;
  near(list: number, count: number, out: number): void;
  exact(list: number, count: number, out: number, kind: number): void;
}

let compiled: WebAssembly.Module | undefined;

export function openKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_BYTES, "base64"));
  return new WebAssembly.Instance(compiled, { arena: { memory } }).exports as unknown as Kernels; // the signatures of kernels.wat
}
