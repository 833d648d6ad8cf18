"""Ray Serve: one deployment with serve.batch on onnxruntime behind Ray's HTTP proxy.

  ray_server.py <port> <replicas> <model.onnx>
"""
import sys
import time

import numpy
import onnxruntime
import ray
from ray import serve

PORT, REPLICAS, MODEL = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


@serve.deployment(num_replicas=REPLICAS, max_ongoing_requests=4096, ray_actor_options={"num_cpus": 0.2})
class Trees:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def infer(self, rows):
        answers = self.session.run(None, {"features": numpy.asarray(rows, dtype=numpy.float32)})[0]
        return [float(answer) for answer in answers.reshape(-1)]

    async def __call__(self, request):
        return {"prediction": await self.infer((await request.json())["row"])}


if __name__ == "__main__":
    ray.init(include_dashboard=False, num_cpus=2, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Trees.bind(), route_prefix="/predict")
    while True:
        time.sleep(3600)
