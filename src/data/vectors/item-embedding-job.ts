/** Training of item embeddings, run in a worker thread: baskets in, vectors out. */
import { serveWorkerJob } from "../../compute/index.ts";
import { trainItemEmbeddings } from "./item-embeddings.ts";
import type { BasketRows, EmbeddingOptions, ItemEmbeddings } from "./item-embeddings.ts";

export interface ItemEmbeddingJob {
  readonly rows: BasketRows;
  readonly options: EmbeddingOptions;
}

serveWorkerJob<ItemEmbeddingJob, ItemEmbeddings, never>(({ rows, options }) => Promise.resolve(trainItemEmbeddings(rows, options)));
