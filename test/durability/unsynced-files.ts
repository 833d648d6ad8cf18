/** The real file system without waiting for the disk: for tests of what is written, not of when it is durable; also what a broken engine would do. */
import { nodeFiles, type Files } from "../../src/engines/embedded/files.ts";

export const unsyncedFiles: Files = {
  ...nodeFiles,
  open: async (path, mode) => ({ ...(await nodeFiles.open(path, mode)), datasync: async () => undefined }),
  syncFolder: async () => undefined,
};
