"""The flows of Triton's clients against a server, with the tritonclient package as it is: one JSON line per flow."""
import argparse
import asyncio
import json
import queue
import sys
import traceback
from functools import partial

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as grpcaio
import tritonclient.http as httpclient
import tritonclient.http.aio as httpaio
from tritonclient.utils import InferenceServerException

FLOWS = []


def flow(function):
    FLOWS.append(function)
    return function


def expect(found, expected, what="value"):
    same = np.array_equal(found, expected) if isinstance(found, np.ndarray) else found == expected
    if not same:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def fails(call, *words):
    try:
        call()
    except InferenceServerException as error:
        for word in words:
            if word not in error.message():
                raise AssertionError(f'"{error.message()}" does not say "{word}"') from error
        return error
    raise AssertionError("no error")


A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.full((1, 16), -1, dtype=np.int32)


def both(client, first, second, **how):
    one = client.InferInput("INPUT0", list(first.shape), "INT32")
    two = client.InferInput("INPUT1", list(second.shape), "INT32")
    one.set_data_from_numpy(first, **({"binary_data": how["one"]} if "one" in how else {}))
    two.set_data_from_numpy(second, **({"binary_data": how["two"]} if "two" in how else {}))
    return [one, two]


def check_sums(result, first=A, second=B):
    expect(result.as_numpy("OUTPUT0"), first + second, "OUTPUT0")
    expect(result.as_numpy("OUTPUT1"), first - second, "OUTPUT1")


def open_clients(client, address):
    return client.InferenceServerClient(address)


# ---- both transports: health, metadata, model control, statistics, errors


def health(client, address, name):
    server = open_clients(client, address)
    expect(server.is_server_live(), True)
    expect(server.is_server_ready(), True)
    expect(server.is_model_ready("simple"), True)
    expect(server.is_model_ready("simple", "1"), True)


def metadata(client, address, name):
    server = open_clients(client, address)
    as_json = {} if client is httpclient else {"as_json": True}
    described = server.get_server_metadata(**as_json)
    expect(described["name"], name)
    expect("statistics" in described["extensions"], True, "statistics is announced")
    model = server.get_model_metadata("simple", **as_json)
    expect([str(size) for size in model["inputs"][0]["shape"]], ["-1", "16"], "shape")
    config = server.get_model_config("simple", **as_json)
    expect((config if client is httpclient else config["config"])["max_batch_size"], 8)
    fails(lambda: server.get_model_metadata("wrong_model_name"), "Request for unknown model")


def control(client, address, name):
    server = open_clients(client, address)
    as_json = {} if client is httpclient else {"as_json": True}
    index = server.get_model_repository_index(**as_json)
    expect(len(index if client is httpclient else index["models"]), 7, "models in the index")
    server.load_model("simple")
    fails(lambda: server.load_model("simple", config='"parameters": {"config": {{"max_batch_size": "16"}}}'), "failed to load")
    server.load_model("simple", config='{"max_batch_size":"16"}')
    config = server.get_model_config("simple", **as_json)
    expect((config if client is httpclient else config["config"])["max_batch_size"], 16, "max_batch_size after the load")
    server.unload_model("simple")
    expect(server.is_model_ready("simple"), False, "ready after unloading")
    fails(lambda: server.infer("simple", both(client, A, B)))
    server.load_model("simple", config='{"max_batch_size":"8"}')
    expect(server.is_model_ready("simple"), True, "ready after loading")
    fails(lambda: server.load_model("wrong_model_name"), "failed to load")


def statistics(client, address, name):
    server = open_clients(client, address)
    as_json = {} if client is httpclient else {"as_json": True}
    read = lambda: server.get_inference_statistics("simple", **as_json)["model_stats"]
    count = lambda stats: int(stats[0].get("inference_count", 0))
    before = count(read())
    server.infer("simple", both(client, np.repeat(A, 3, axis=0), np.repeat(B, 3, axis=0)))
    after = read()
    expect(len(after), 1, "entries")
    expect(count(after) - before, 3, "rows more")


def errors(client, address, name):
    server = open_clients(client, address)
    error = fails(lambda: server.infer("wrong_model_name", both(client, A, B)), "Request for unknown model")
    expect(error.message().startswith("Request for unknown model"), True, "begins so")
    fails(lambda: server.infer("simple", both(client, A, B)[:1]), "INPUT1")
    fails(lambda: server.infer("simple", both(client, A, B), outputs=[client.InferRequestedOutput("OUTPUT9")]), "OUTPUT9")
    fails(lambda: server.infer("simple", both(client, A, B), model_version="99"))


def strings(client, address, name):
    server = open_clients(client, address)
    texts = np.array([str(i).encode() for i in range(16)], dtype=np.object_).reshape(1, 16)
    ones = np.array([b"1"] * 16, dtype=np.object_).reshape(1, 16)
    inputs = [client.InferInput("INPUT0", [1, 16], "BYTES"), client.InferInput("INPUT1", [1, 16], "BYTES")]
    inputs[0].set_data_from_numpy(texts)
    inputs[1].set_data_from_numpy(ones)
    result = server.infer("simple_string", inputs)
    expect([int(x) for x in result.as_numpy("OUTPUT0")[0]], [i + 1 for i in range(16)])
    anything = np.array([b"\xff\xfe\x00", "ä€".encode(), b""], dtype=np.object_).reshape(1, 3)
    value = client.InferInput("INPUT0", [1, 3], "BYTES")
    value.set_data_from_numpy(anything)
    expect(server.infer("simple_identity", [value]).as_numpy("OUTPUT0"), anything)


def sequences(client, address, name):
    server = open_clients(client, address)
    for sequence in (1000, "a-text-id"):
        answers = []
        for at, value in enumerate([0, 11, 7]):
            tensor = client.InferInput("INPUT", [1, 1], "INT32")
            tensor.set_data_from_numpy(np.array([[value]], dtype=np.int32))
            result = server.infer("simple_sequence", [tensor], sequence_id=sequence, sequence_start=at == 0, sequence_end=at == 2)
            answers.append(int(result.as_numpy("OUTPUT")[0][0]))
        expect(answers, [1, 11, 7], f"sequence {sequence}")


def parameters(client, address, name):
    server = open_clients(client, address)
    check_sums(server.infer("simple", both(client, A, B), request_id="my id", priority=1, timeout=5_000_000))
    result = server.infer("simple", both(client, A, B), request_id="my id")
    found = result.get_response()
    expect(found["id"] if client is httpclient else found.id, "my id")


def classification(client, address, name):
    server = open_clients(client, address)
    outputs = [client.InferRequestedOutput("OUTPUT0", class_count=3)]
    result = server.infer("simple", both(client, A, B), outputs=outputs)
    expect([x.decode() for x in result.as_numpy("OUTPUT0")[0]], ["14:15", "13:14", "12:13"])


for common in (health, metadata, control, statistics, errors, strings, sequences, parameters, classification):
    for transport, client in (("http", httpclient), ("grpc", grpcclient)):
        run = lambda addresses, name, common=common, transport=transport, client=client: common(client, addresses[transport], name)
        run.__name__ = f"{transport} {common.__name__}"
        FLOWS.append(run)


# ---- HTTP alone: the forms a tensor may travel in


@flow
def http_forms(addresses, name):
    server = httpclient.InferenceServerClient(addresses["http"])
    for one in (True, False):
        for two in (True, False):
            for outputs in (None, (True, True), (False, True), (False, False)):
                wanted = None if outputs is None else [httpclient.InferRequestedOutput(f"OUTPUT{at}", binary_data=binary) for at, binary in enumerate(outputs)]
                check_sums(server.infer("simple", both(httpclient, A, B, one=one, two=two), outputs=wanted))


@flow
def http_compression(addresses, name):
    server = httpclient.InferenceServerClient(addresses["http"])
    rows = (np.repeat(A, 8, axis=0), np.repeat(B, 8, axis=0))
    for request in (None, "gzip", "deflate"):
        for response in (None, "gzip", "deflate"):
            for binary in (True, False):
                wanted = [httpclient.InferRequestedOutput(f"OUTPUT{at}", binary_data=binary) for at in range(2)]
                result = server.infer("simple", both(httpclient, *rows, one=binary, two=True), outputs=wanted, request_compression_algorithm=request, response_compression_algorithm=response)
                check_sums(result, *rows)


@flow
def http_async(addresses, name):
    server = httpclient.InferenceServerClient(addresses["http"], concurrency=4)
    for handle in [server.async_infer("simple", both(httpclient, A + at, B)) for at in range(20)]:
        pass
    handles = [(at, server.async_infer("simple", both(httpclient, A + at, B))) for at in range(20)]
    for at, handle in handles:
        check_sums(handle.get_result(), A + at, B)


@flow
def http_body_by_hand(addresses, name):
    body, header = httpclient.InferenceServerClient.generate_request_body(both(httpclient, A, B))
    import urllib.request
    request = urllib.request.Request(f'http://{addresses["http"]}/v2/models/simple/infer', data=body, headers={"Inference-Header-Content-Length": str(header)})
    with urllib.request.urlopen(request) as response:
        result = httpclient.InferenceServerClient.parse_response_body(response.read(), header_length=int(response.headers["Inference-Header-Content-Length"]))
    check_sums(result)


@flow
def http_aio(addresses, name):
    async def run():
        async with httpaio.InferenceServerClient(addresses["http"]) as server:
            expect(await server.is_server_ready(), True)
            results = await asyncio.gather(*[server.infer("simple", both(httpclient, A + at, B)) for at in range(20)])
            for at, result in enumerate(results):
                check_sums(result, A + at, B)
            rows = (np.repeat(A, 8, axis=0), np.repeat(B, 8, axis=0))
            for algorithm in ("gzip", "deflate"):
                check_sums(await server.infer("simple", both(httpclient, *rows), request_compression_algorithm=algorithm, response_compression_algorithm=algorithm), *rows)
    asyncio.run(run())


@flow
def http_datatypes(addresses, name):
    server = httpclient.InferenceServerClient(addresses["http"])
    values = np.array([[-128, 127] * 8], dtype=np.int8)
    inputs = [httpclient.InferInput(f"INPUT{at}", [1, 16], "INT8") for at in range(2)]
    inputs[0].set_data_from_numpy(values)
    inputs[1].set_data_from_numpy(np.zeros((1, 16), dtype=np.int8), binary_data=False)
    expect(server.infer("simple_int8", inputs).as_numpy("OUTPUT0"), values)


@flow
def http_large(addresses, name):
    server = httpclient.InferenceServerClient(addresses["http"])
    picture = np.full((3, 224, 224), 0.5, dtype=np.float32)
    for binary in (True, False):
        value = httpclient.InferInput("data_0", [3, 224, 224], "FP32")
        value.set_data_from_numpy(picture, binary_data=binary)
        expect(float(server.infer("densenet_onnx", [value]).as_numpy("fc6_1")[0]), 0.5)


# ---- gRPC alone: streams, callbacks, compression, deadlines


@flow
def grpc_async(addresses, name):
    server = grpcclient.InferenceServerClient(addresses["grpc"])
    answers = queue.Queue()
    for at in range(20):
        server.async_infer("simple", both(grpcclient, A + at, B), partial(lambda at, result, error: answers.put((at, result, error)), at))
    for _ in range(20):
        at, result, error = answers.get(timeout=10)
        if error is not None:
            raise error
        check_sums(result, A + at, B)


@flow
def grpc_stream(addresses, name):
    answers = queue.Queue()
    with grpcclient.InferenceServerClient(addresses["grpc"]) as server:
        server.start_stream(lambda result, error: answers.put((result, error)))
        for at in range(20):
            server.async_stream_infer("simple", both(grpcclient, A + at, B), request_id=str(at))
        server.async_stream_infer("wrong_model_name", both(grpcclient, A, B))
        server.async_stream_infer("simple", both(grpcclient, A, B), request_id="after")
        for at in range(20):
            result, error = answers.get(timeout=10)
            if error is not None:
                raise error
            expect(result.get_response().id, str(at), "answers come in the order of their requests")
            check_sums(result, A + at, B)
        expect("unknown model" in answers.get(timeout=10)[1].message(), True, "the error is an answer")
        expect(answers.get(timeout=10)[0].get_response().id, "after", "the stream goes on")


@flow
def grpc_compression(addresses, name):
    server = grpcclient.InferenceServerClient(addresses["grpc"])
    for algorithm in ("gzip", "deflate"):
        check_sums(server.infer("simple", both(grpcclient, A, B), compression_algorithm=algorithm))


@flow
def grpc_aio(addresses, name):
    async def run():
        async with grpcaio.InferenceServerClient(addresses["grpc"]) as server:
            expect(await server.is_server_live(), True)
            results = await asyncio.gather(*[server.infer("simple", both(grpcclient, A + at, B)) for at in range(20)])
            for at, result in enumerate(results):
                check_sums(result, A + at, B)

            async def requests():
                for at in range(5):
                    yield {"model_name": "simple", "inputs": both(grpcclient, A + at, B), "request_id": str(at)}

            at = 0
            async for result, error in server.stream_infer(requests()):
                if error is not None:
                    raise error
                check_sums(result, A + at, B)
                at += 1
            expect(at, 5, "answers of the stream")
    asyncio.run(run())


@flow
def grpc_large(addresses, name):
    server = grpcclient.InferenceServerClient(addresses["grpc"])
    value = grpcclient.InferInput("data_0", [3, 224, 224], "FP32")
    value.set_data_from_numpy(np.full((3, 224, 224), 0.5, dtype=np.float32))
    expect(float(server.infer("densenet_onnx", [value], client_timeout=10).as_numpy("fc6_1")[0]), 0.5)


@flow
def grpc_contents(addresses, name):
    """Typed contents, with generated stubs and no client library around them."""
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc
    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(addresses["grpc"]))
    request = service_pb2.ModelInferRequest(model_name="simple")
    for at, values in enumerate((A, B)):
        tensor = request.inputs.add(name=f"INPUT{at}", datatype="INT32", shape=[1, 16])
        tensor.contents.int_contents[:] = values[0].tolist()
    response = stub.ModelInfer(request)
    expect(np.frombuffer(response.raw_output_contents[0], dtype=np.int32).reshape(1, 16), A + B)
    described = stub.ModelConfig(service_pb2.ModelConfigRequest(name="simple")).config
    expect([list(one.dims) for one in described.input], [[16], [16]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True)
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--name", default="strata")
    arguments = parser.parse_args()
    addresses = {"http": arguments.http, "grpc": arguments.grpc}
    for one in FLOWS:
        try:
            one(addresses, arguments.name)
            told = {"flow": one.__name__, "passed": True}
        except Exception:
            told = {"flow": one.__name__, "passed": False, "error": traceback.format_exc()}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
