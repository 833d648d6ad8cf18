"""KServe's Python server with a custom predictor on onnxruntime, Open Inference Protocol v2.

  kserve_server.py <port> <workers> <model.onnx>
"""
import logging
import sys

import kserve
import onnxruntime
from kserve import InferOutput, InferResponse

PORT, WORKERS, MODEL = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Trees(kserve.Model):
    def __init__(self):
        super().__init__("trees")
        self.session = None
        self.ready = True

    def open_session(self):  # in the process that infers: a session does not travel to a worker
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
        return self.session

    def predict(self, payload, headers=None, response_headers=None):
        (answer,) = (self.session or self.open_session()).run(None, {"features": payload.inputs[0].as_numpy()})
        output = InferOutput(name="variable", shape=list(answer.shape), datatype="FP32")
        output.set_data_from_numpy(answer, binary_data=False)
        return InferResponse(response_id=payload.id or "", model_name=self.name, infer_outputs=[output])


if __name__ == "__main__":
    server = kserve.ModelServer(http_port=PORT, workers=WORKERS, enable_grpc=False, enable_latency_logging=False)
    for name in ("uvicorn.access", "kserve.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)  # no line per request: no server of the comparison writes one
    server.start([Trees()])
