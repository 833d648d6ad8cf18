"""Reads an exported table with deltalake, pyarrow and duckdb, and prints what each of them counts and sums."""
import json
import sys

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

folder = sys.argv[1]
table = DeltaTable(folder)
arrow = table.to_pyarrow_table() if hasattr(table, "to_pyarrow_table") else None
first = DeltaTable(folder, version=0)
files = [str(uri).removeprefix("file://") for uri in table.file_uris()]
hive = ds.dataset(files, format="parquet", partitioning="hive", partition_base_dir=folder).to_table()


def facts(frame):
    return {
        "rows": frame.num_rows,
        "sum": pc.sum(frame["price"]).as_py(),
        "gifts": pc.sum(pc.fill_null(frame["gift"], False)).as_py(),
        "customers": len(pc.unique(frame["customer"])),
        "first": pc.min(frame["event_time"]).as_py().isoformat(),
        "offsets": pc.sum(frame["event_offset"]).as_py(),
    }


with duckdb.connect() as connection:
    rows, total, dates = connection.execute(
        "select count(*), sum(price), list(distinct cast(date as varchar) order by cast(date as varchar)) from read_parquet(?, hive_partitioning=true)", [files]
    ).fetchone()

print(json.dumps({
    "deltalake": facts(arrow),
    "version": table.version(),
    "firstVersionRows": first.to_pyarrow_table().num_rows,
    "january2": table.to_pyarrow_table(partitions=[("date", "=", "2026-01-02")]).num_rows,
    "pyarrow": facts(hive),
    "duckdb": {"rows": rows, "sum": total, "dates": dates},
    "schema": {field.name: str(field.type) for field in table.schema().fields},
}))
