/** What installing costs: time and disk, for developers of Strata and for its users. */
import type { Bench } from "./bench.ts";

const MIB = 2 ** 20;

export const installBench: Bench = {
  name: "install",
  title: "Installation",
  configuration: [
    "\"npm ci\": in a clean copy of the repository with its development dependencies; cold means an empty npm cache, so the network and the registry are part of the time; warm is the same again with the cache filled. Measured once.",
    "\"a user's project\": the packed tarball installed with --omit=dev into an empty project; sizes are sums of file sizes.",
  ],
  run: async ({ isQuick, packages, sheet, note }) => {
    if (isQuick) note("npm ci is left out of quick runs: it downloads everything.");
    else {
      const { coldMs, warmMs, sizeBytes } = await packages.installDevelopment();
      sheet.add("npm ci, cold", "time", "s", coldMs / 1000);
      sheet.add("npm ci, cold", "size", "MiB", sizeBytes / MIB);
      sheet.add("npm ci, warm", "time", "s", warmMs / 1000);
      sheet.add("npm ci, warm", "size", "MiB", sizeBytes / MIB);
    }
    const { packMs, tarballBytes, installMs, installedBytes, packages: number } = await packages.installed();
    sheet.add("the tarball", "time", "s", packMs / 1000);
    sheet.add("the tarball", "size", "MiB", tarballBytes / MIB);
    sheet.add("a user's project", "time", "s", installMs / 1000);
    sheet.add("a user's project", "size", "MiB", installedBytes / MIB);
    sheet.add("a user's project", "packages", "", number);
  },
};
