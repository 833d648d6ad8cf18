"""LitServe: one endpoint on onnxruntime, batches collected as its guide recommends.

  litserve_server.py <port> <workers> <model.onnx>
"""
import sys

import litserve
import numpy
import onnxruntime

PORT, WORKERS, MODEL = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Trees(litserve.LitAPI):
    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        return numpy.asarray(request["row"], dtype=numpy.float32)

    def predict(self, rows):
        return self.session.run(None, {"features": rows if rows.ndim == 2 else rows[None, :]})[0]

    def batch(self, inputs):
        return numpy.stack(inputs)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"prediction": float(output.reshape(-1)[0])}


if __name__ == "__main__":
    server = litserve.LitServer(Trees(max_batch_size=64, batch_timeout=0.002), accelerator="cpu", workers_per_device=WORKERS, timeout=10, fast_queue=True)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning", num_api_servers=WORKERS)
