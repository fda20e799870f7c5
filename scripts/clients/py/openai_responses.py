"""openai-python, responses as a stream, stored, with a tool."""
import json, os
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE"] + "/v1", api_key="none")
tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}, "strict": True}
previous, items = None, os.environ["QUESTION"]
for _ in range(3):
    more = {"previous_response_id": previous} if previous else {}
    with client.responses.stream(model=os.environ["MODEL"], input=items, tools=[tool], **more) as stream:
        for event in stream:
            pass
        response = stream.get_final_response()
    calls = [item for item in response.output if item.type == "function_call"]
    if not calls:
        print(response.output_text)
        break
    previous, items = response.id, []
    for call in calls:
        city = json.loads(call.arguments)["city"]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": f"sunny in {city}"})
if os.environ["MODEL"] == "prompt":
    assert client.responses.retrieve(response.id).output_text == response.output_text
    assert [i.type for i in client.responses.input_items.list(response.id)] == ["message"]
    client.responses.delete(response.id)
    assert client.responses.input_tokens.count(model="prompt", input="Hi").input_tokens > 0
