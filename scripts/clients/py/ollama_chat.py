"""ollama-python, chats as a stream, with a tool; with a model named prompt, the lists, too."""
import os
from ollama import Client, ResponseError

client = Client(host=os.environ["BASE"])
model = os.environ["MODEL"]
tool = {"type": "function", "function": {"name": "weather", "description": "the weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
messages = [{"role": "user", "content": os.environ["QUESTION"]}]
for _ in range(3):
    text, calls, last = "", [], None
    for last in client.chat(model, messages=messages, tools=[tool], stream=True):
        text += last.message.content or ""
        calls += last.message.tool_calls or []
    assert last.done and last.done_reason, last
    if not calls:
        print(text)
        break
    messages.append({"role": "assistant", "content": text, "tool_calls": calls})
    for call in calls:
        messages.append({"role": "tool", "tool_name": call.function.name, "content": "sunny in " + call.function.arguments["city"]})
if model == "prompt":
    assert client.list().models[0].model == "tandem:latest"
    assert client.show(model).capabilities
    assert client.ps().models == []
    try:
        client.chat("nobody", messages=messages)
        raise AssertionError("a model that is not there answered")
    except ResponseError as error:
        assert error.status_code == 404 and error.error.startswith("model 'nobody' not found")
    try:
        client.pull("nobody")
        raise AssertionError("a model was pulled")
    except ResponseError as error:
        assert error.status_code == 403
