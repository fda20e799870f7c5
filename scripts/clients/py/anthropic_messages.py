"""anthropic for Python, messages as a stream, with a tool."""
import os
from anthropic import Anthropic

client = Anthropic(base_url=os.environ["BASE"], api_key="none")
tool = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
messages = [{"role": "user", "content": os.environ["QUESTION"]}]
for _ in range(3):
    with client.messages.stream(model=os.environ["MODEL"], max_tokens=100, messages=messages, tools=[tool]) as stream:
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    if not calls:
        print(message.content[0].text)
        break
    messages.append({"role": "assistant", "content": message.content})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny in " + call.input["city"]} for call in calls]})
if os.environ["MODEL"] == "prompt":
    assert next(iter(client.models.list())).id == "tandem"
    assert client.models.retrieve("prompt").id == "prompt"
    assert client.messages.count_tokens(model="prompt", messages=messages).input_tokens > 0
