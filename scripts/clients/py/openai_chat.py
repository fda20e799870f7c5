"""openai-python, chat completions as a stream, with a tool."""
import json, os
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE"] + "/v1", api_key="none")
tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
messages = [{"role": "user", "content": os.environ["QUESTION"]}]
for _ in range(3):
    with client.chat.completions.stream(model=os.environ["MODEL"], messages=messages, tools=[tool]) as stream:
        for event in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    if not message.tool_calls:
        print(message.content)
        break
    messages.append(message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    for call in message.tool_calls:
        city = json.loads(call.function.arguments)["city"]
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"sunny in {city}"})
if os.environ["MODEL"] == "prompt":
    assert [m.id for m in client.models.list()][0] == "tandem"
    assert client.models.retrieve("prompt").id == "prompt"
    assert client.embeddings.create(model="prompt", input=["four"]).data[0].embedding == [4.0, 0.5]
    assert client.embeddings.create(model="prompt", input="four", encoding_format="float").data[0].embedding == [4, 0.5]
