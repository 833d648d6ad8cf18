"""A Feast repository with one view of 50 features and a service of them, and 2,000 customers in its SQLite online store.

Usage: feast_repo.py <folder> <customers>, with the names of the features on standard input, one per line.
"""
import os
import random
import subprocess
import sys
from datetime import datetime, timezone

folder, customers = sys.argv[1], int(sys.argv[2])
features = sys.stdin.read().split()
with open(os.path.join(folder, "feature_store.yaml"), "w") as file:
    file.write("project: shop\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\nonline_store:\n  type: sqlite\n  path: online.db\noffline_store:\n  type: file\n")
with open(os.path.join(folder, "definitions.py"), "w") as file:
    file.write(f"""from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String
customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.STRING)
names = {features!r}
view = FeatureView(
    name="customer_wide", entities=[customer], ttl=timedelta(days=30), online=True, source=FileSource(path="rows.parquet", timestamp_field="event_timestamp"),
    schema=[Field(name="customer", dtype=String), *[Field(name=name, dtype=Int64 if name.startswith("orders") else Float64) for name in names]],
)
wide = FeatureService(name="wide", features=[view])
""")

import pandas as pd  # noqa: E402  (slow to import: after what can fail quickly)

draws = random.Random(1)
rows = {"customer": [f"c-{number}" for number in range(customers)], "event_timestamp": [datetime.now(timezone.utc)] * customers}
for name in features:
    rows[name] = [draws.randrange(60) if name.startswith("orders") else round(draws.random() * 5_000, 2) for _ in range(customers)]
frame = pd.DataFrame(rows)
frame.to_parquet(os.path.join(folder, "rows.parquet"))
subprocess.run([os.path.join(os.path.dirname(sys.executable), "feast"), "apply"], cwd=folder, check=True, stdout=subprocess.DEVNULL)

from feast import FeatureStore  # noqa: E402

FeatureStore(repo_path=folder).write_to_online_store("customer_wide", frame)
