"""Flows of OpenAI's own Python client against a gateway; one JSON line per flow: {"flow", "passed", "error"?}."""

import argparse
import asyncio
import json
import sys
import traceback

import openai
from openai import AsyncOpenAI, OpenAI

arguments = argparse.ArgumentParser()
arguments.add_argument("--url", required=True)
arguments.add_argument("--answer", required=True)
options = arguments.parse_args()

client = OpenAI(base_url=options.url, api_key="sk-anything", max_retries=0)
MESSAGES = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
RESPONSE_TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}]


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def models():
    equal([model.id for model in client.models.list()], ["small", "other"])
    equal(client.models.retrieve("small").object, "model")
    raises(openai.NotFoundError, lambda: client.models.retrieve("nobody"))


def chat():
    completion = client.chat.completions.create(model="small", messages=MESSAGES)
    equal(completion.choices[0].message.content, options.answer)
    equal(completion.usage.completion_tokens, 15)


def raw_response():
    response = client.chat.completions.with_raw_response.create(model="small", messages=MESSAGES, extra_headers={"x-request-id": "mine-1"})
    equal(response.headers["x-request-id"], "mine-1")
    assert response.headers["server-timing"].startswith("gateway;dur=")


def stream():
    chunks = list(client.chat.completions.create(model="small", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), options.answer)
    equal(chunks[-1].usage.completion_tokens, 15)
    equal(chunks[-2].choices[0].finish_reason, "stop")


def stream_helper_with_tools():
    with client.chat.completions.stream(model="small", messages=MESSAGES, tools=TOOLS) as events:
        completion = events.get_final_completion()
    equal(completion.choices[0].message.tool_calls[0].function.arguments, '{"city":"Basel"}')


def tools():
    first = client.chat.completions.create(model="small", messages=MESSAGES, tools=TOOLS)
    call = first.choices[0].message.tool_calls[0]
    equal((call.function.name, json.loads(call.function.arguments), first.choices[0].finish_reason), ("weather", {"city": "Basel"}, "tool_calls"))
    second = client.chat.completions.create(model="small", tools=TOOLS, messages=[*MESSAGES, first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}])
    equal(second.choices[0].message.content, options.answer)


def completions():
    equal(client.completions.create(model="small", prompt="Once").choices[0].text, options.answer)
    equal("".join(chunk.choices[0].text for chunk in client.completions.create(model="small", prompt="Once", stream=True)), options.answer)


def embeddings():
    result = client.embeddings.create(model="small", input=["one", "two"])
    equal([len(item.embedding) for item in result.data], [8, 8])
    equal(len(client.embeddings.create(model="small", input="one", encoding_format="float").data[0].embedding), 8)


def responses():
    response = client.responses.create(model="small", input="Hello", instructions="Be brief.")
    equal((response.status, response.output_text, response.usage.output_tokens), ("completed", options.answer, 15))
    call = client.responses.create(model="small", input="Weather?", tools=RESPONSE_TOOLS).output[0]
    equal((call.type, call.name, call.arguments), ("function_call", "weather", '{"city":"Basel"}'))
    answer = client.responses.create(model="small", input=[{"role": "user", "content": "Weather?"}, call.model_dump(), {"type": "function_call_output", "call_id": call.call_id, "output": "12"}])
    equal(answer.output_text, options.answer)
    error = raises(openai.BadRequestError, lambda: client.responses.create(model="small", input="x", previous_response_id="resp_1"))
    equal(error.param, "previous_response_id")


def responses_stream():
    events = list(client.responses.create(model="small", input="Hello", stream=True))
    equal([event.sequence_number for event in events], list(range(len(events))))
    equal((events[0].type, events[-1].type), ("response.created", "response.completed"))
    with client.responses.stream(model="small", input="Hello", tools=RESPONSE_TOOLS) as stream_of_events:
        equal(stream_of_events.get_final_response().output[0].arguments, '{"city":"Basel"}')


def errors():
    error = raises(openai.NotFoundError, lambda: client.chat.completions.create(model="nobody", messages=MESSAGES))
    equal((error.code, error.param), ("model_not_found", "model"))
    raises(openai.BadRequestError, lambda: client.chat.completions.create(model="small", messages=[]))
    raises(openai.BadRequestError, lambda: client.chat.completions.create(model="small", messages=MESSAGES, max_tokens=0))


def played_errors():
    """The mock was told to answer the next calls with 429, 500 and a stream that is cut after four words."""
    error = raises(openai.RateLimitError, lambda: client.chat.completions.create(model="small", messages=MESSAGES, user="play:429"))
    equal(error.response.headers["retry-after"], "1")
    raises(openai.InternalServerError, lambda: client.chat.completions.create(model="other", messages=MESSAGES, user="play:500"))
    text = ""
    try:
        for chunk in client.chat.completions.create(model="other", messages=MESSAGES, stream=True, user="play:cut"):
            text += chunk.choices[0].delta.content or ""
        raise AssertionError("the cut stream ended without an error")
    except openai.APIError as error:
        assert "broke after" in str(error), str(error)
    assert options.answer.startswith(text) and 0 < len(text) < len(options.answer), text


def asynchronous():
    async def many():
        async with AsyncOpenAI(base_url=options.url, api_key="x", max_retries=0) as many_clients:
            answers = await asyncio.gather(*(many_clients.chat.completions.create(model="small", messages=MESSAGES) for _ in range(20)))
            equal({answer.choices[0].message.content for answer in answers}, {options.answer})
            stream_of_chunks = await many_clients.chat.completions.create(model="small", messages=MESSAGES, stream=True)
            equal("".join([chunk.choices[0].delta.content or "" async for chunk in stream_of_chunks]), options.answer)

    asyncio.run(many())


FLOWS = [models, chat, raw_response, stream, stream_helper_with_tools, tools, completions, embeddings, responses, responses_stream, errors, asynchronous, played_errors]
for flow in FLOWS:
    try:
        flow()
        told = {"flow": flow.__name__, "passed": True}
    except Exception:  # told, and judged by the test
        told = {"flow": flow.__name__, "passed": False, "error": traceback.format_exc()}
    print(json.dumps(told), flush=True)
sys.exit(0)
