"""MLServer with a runtime of our own on onnxruntime, as its guide "Custom Inference Runtimes" describes."""
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        (answer,) = self._session.run(None, {"features": rows})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("variable", answer)])
