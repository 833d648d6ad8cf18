"""BentoML: one service with a batchable API on onnxruntime; MODEL and WORKERS come from the environment."""
import os

import bentoml
import numpy
import onnxruntime


@bentoml.service(workers=int(os.environ["WORKERS"]), traffic={"timeout": 10}, logging={"access": {"enabled": False}})
class Trees:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
    async def predict(self, rows: numpy.ndarray) -> numpy.ndarray:
        return self.session.run(None, {"features": rows.astype(numpy.float32)})[0]
