"""Feast's own historical join over Parquet files: prints one JSON line of figures and writes the joined rows.

python feast_join.py <folder with readings.parquet and labels.parquet> <ttl days>
"""
import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64, String
from feast.value_type import ValueType

folder = Path(sys.argv[1])
device = Entity(name="device", join_keys=["device"], value_type=ValueType.STRING)
source = FileSource(path=str(folder / "readings.parquet"), timestamp_field="event_timestamp", created_timestamp_column="created")
readings = FeatureView(
    name="readings", entities=[device], ttl=timedelta(days=float(sys.argv[2])), source=source,
    schema=[Field(name="value", dtype=Float64), Field(name="state", dtype=String)],
)
store = FeatureStore(config=RepoConfig(
    project="bench", provider="local", registry=str(folder / "registry.db"), offline_store={"type": "dask"},
    online_store={"type": "sqlite", "path": str(folder / "online.db")}, entity_key_serialization_version=3,
))
store.apply([device, readings])

begin = time.perf_counter()
cpu = time.process_time()
labels = pd.read_parquet(folder / "labels.parquet")
labels["event_timestamp"] = labels["event_timestamp"].dt.tz_localize("UTC")
joined = store.get_historical_features(entity_df=labels, features=["readings:value", "readings:state"]).to_df()
seconds = time.perf_counter() - begin
cpu = time.process_time() - cpu

joined.sort_values("label")[["label", "value", "state"]].to_parquet(folder / "feast.parquet", index=False)
print(json.dumps({"rows": len(joined), "seconds": seconds, "cpuSeconds": cpu, "peakMemoryMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
