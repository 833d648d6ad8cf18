/** The analytics suite on every engine. */
import { openDuckdbAnalytics } from "../../src/engines/duckdb/duckdb-analytics.ts";
import { testAnalytics } from "./analytics.ts";

testAnalytics("DuckDB", (temporaryFolder) => openDuckdbAnalytics({ threads: 2, memoryLimitBytes: 512 * 2 ** 20, temporaryFolder }));
