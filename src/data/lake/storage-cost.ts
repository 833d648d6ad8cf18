/** What the lake's storage costs by a price list, and what its tiers save. Pure. */
import { TIERS } from "./file-book.ts";
import type { Tier } from "./file-book.ts";
import type { StreamStorage } from "./lake-keeper.ts";

/** USD per GiB and month. */
export type StoragePrices = Readonly<Record<Tier, number>>;

export interface StreamCost extends StreamStorage {
  readonly usdPerMonth: number;
  /** If every byte were hot, in the files as they were written. */
  readonly hotUsdPerMonth: number;
  readonly savedUsdPerMonth: number;
}

const GIB = 2 ** 30;

export function storageCost(storage: StreamStorage, prices: StoragePrices): StreamCost {
  const usdPerMonth = TIERS.reduce((sum, tier) => sum + (storage.tiers[tier].sizeBytes / GIB) * prices[tier], 0);
  const hotUsdPerMonth = (storage.hotBytes / GIB) * prices.hot;
  return { ...storage, usdPerMonth, hotUsdPerMonth, savedUsdPerMonth: hotUsdPerMonth - usdPerMonth };
}
