/** The suite of people's SQL on every engine. */
import { openDuckdbAnalytics } from "../../src/engines/duckdb/duckdb-analytics.ts";
import { openDuckdbSandbox } from "../../src/engines/duckdb/duckdb-sandbox.ts";
import { testQuerySandbox } from "./query-sandbox.ts";

testQuerySandbox("DuckDB", {
  open: (temporaryFolder, limits) => openDuckdbSandbox({ ...limits, temporaryFolder, threads: 1 }),
  analytics: (temporaryFolder) => openDuckdbAnalytics({ threads: 1, temporaryFolder }),
});
