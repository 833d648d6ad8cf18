"""Flows of Anthropic's own Python client against a gateway whose upstream speaks OpenAI's API; one JSON line per flow."""

import argparse
import json
import sys
import traceback

import anthropic

arguments = argparse.ArgumentParser()
arguments.add_argument("--url", required=True)
arguments.add_argument("--answer", required=True)
options = arguments.parse_args()

client = anthropic.Anthropic(base_url=options.url, api_key="sk-anything", max_retries=0)
ASK = {"model": "small", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
TOOLS = [{"name": "weather", "description": "Now", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def message():
    answer = client.messages.create(**ASK, system="Be brief.")
    equal((answer.content[0].text, answer.stop_reason, answer.usage.output_tokens), (options.answer, "end_turn", 15))


def stream():
    with client.messages.stream(**ASK) as events:
        equal("".join(events.text_stream), options.answer)
        final = events.get_final_message()
    equal((final.stop_reason, final.usage.output_tokens), ("end_turn", 15))


def tools():
    first = client.messages.create(**ASK, tools=TOOLS, tool_choice={"type": "any"})
    call = first.content[-1]
    equal((call.type, call.name, call.input, first.stop_reason), ("tool_use", "weather", {"city": "Basel"}, "tool_use"))
    conversation = [*ASK["messages"], {"role": "assistant", "content": first.content}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}, {"type": "text", "text": "So?"}]}]
    equal(client.messages.create(model="small", max_tokens=100, messages=conversation, tools=TOOLS).content[0].text, options.answer)


def stream_of_tools():
    with client.messages.stream(**ASK, tools=TOOLS) as events:
        final = events.get_final_message()
    equal((final.content[-1].input, final.stop_reason), ({"city": "Basel"}, "tool_use"))


def limit():
    equal(client.messages.create(**{**ASK, "max_tokens": 3}).stop_reason, "max_tokens")


def errors():
    for expected, call in [
        (anthropic.NotFoundError, lambda: client.messages.create(**{**ASK, "model": "nobody"})),
        (anthropic.BadRequestError, lambda: client.messages.create(**{**ASK, "messages": []})),
        (anthropic.RateLimitError, lambda: client.messages.create(**ASK, metadata={"user_id": "play:429"})),
    ]:
        try:
            call()
            raise AssertionError(f"no {expected.__name__}")
        except expected as error:
            equal(error.body["type"], "error")


def broken_stream():
    text = ""
    try:
        for event in client.messages.create(**{**ASK, "model": "other"}, metadata={"user_id": "play:cut"}, stream=True):
            if event.type == "content_block_delta":
                text += event.delta.text
        raise AssertionError("the cut stream ended without an error")
    except anthropic.APIError as error:
        assert "broke after" in str(error), str(error)
    assert options.answer.startswith(text) and 0 < len(text) < len(options.answer), text


for flow in [message, stream, tools, stream_of_tools, limit, errors, broken_stream]:
    try:
        flow()
        told = {"flow": flow.__name__, "passed": True}
    except Exception:  # told, and judged by the test
        told = {"flow": flow.__name__, "passed": False, "error": traceback.format_exc()}
    print(json.dumps(told), flush=True)
sys.exit(0)
