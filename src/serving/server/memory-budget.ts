/** Which models make room for another: those nobody uses, the one unused longest first. Pure. */
export interface MemoryHolder {
  readonly memoryBytes: number;
  readonly lastUsedMs: number;
  /** It has requests, or must stay loaded. */
  readonly isInUse: boolean;
}

/** Whom to unload so that `neededBytes` fit; undefined when even unloading all unused ones is not enough. */
export function chooseEvictions<Holder extends MemoryHolder>(holders: readonly Holder[], neededBytes: number, budgetBytes: number): readonly Holder[] | undefined {
  let excess = holders.reduce((sum, holder) => sum + holder.memoryBytes, neededBytes) - budgetBytes;
  const evicted: Holder[] = [];
  const unused = holders.filter((holder) => !holder.isInUse && holder.memoryBytes > 0).toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
  for (const holder of unused) {
    if (excess <= 0) break;
    evicted.push(holder);
    excess -= holder.memoryBytes;
  }
  return excess <= 0 ? evicted : undefined;
}
