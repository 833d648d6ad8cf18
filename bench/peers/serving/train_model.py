"""Trains the model that every server of the comparison answers with, and writes it down twice.

  train_model.py <folder>

Gradient boosting for a regression: 100 trees of depth 6 on 28 features, a fixed seed. Leaves in the folder:
model.joblib (scikit-learn), model.onnx (one input "features" [rows, 28] FP32, one output [rows, 1]) and cases.json
(rows as JSON numbers that FP32 holds exactly, with scikit-learn's own predictions).
"""
import json
import sys
from pathlib import Path

import joblib
import numpy
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingRegressor

FEATURES = 28
folder = Path(sys.argv[1])
random = numpy.random.default_rng(7)


def rows_of(count: int) -> numpy.ndarray:
    # sixteenths are exact in FP32 and short in JSON: a server that reads FP64 sees the same numbers
    return (random.integers(-64, 65, size=(count, FEATURES)) / 16).astype(numpy.float32)


rows = rows_of(8_000)
target = rows[:, 0] * rows[:, 1] + numpy.sin(rows[:, 2]) * 3 + rows[:, 3:].sum(axis=1) / 4 + random.normal(0, 0.1, len(rows))
model = GradientBoostingRegressor(n_estimators=100, max_depth=6, random_state=7).fit(rows, target)

folder.mkdir(parents=True, exist_ok=True)
joblib.dump(model, folder / "model.joblib")
onnx = to_onnx(model, initial_types=[("features", FloatTensorType([None, FEATURES]))], target_opset={"": 17, "ai.onnx.ml": 3})
(folder / "model.onnx").write_bytes(onnx.SerializeToString())
cases = rows_of(512)
(folder / "cases.json").write_text(json.dumps({"rows": cases.tolist(), "predictions": model.predict(cases).tolist()}))
print(json.dumps({"nodes": int(sum(tree[0].tree_.node_count for tree in model.estimators_)), "bytes": len(onnx.SerializeToString())}))
