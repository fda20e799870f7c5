"""openai-python, files and batches, with a tool."""
import json, os, time
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE"] + "/v1", api_key="none")
tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
messages = [{"role": "user", "content": os.environ["QUESTION"]}]


def run(lines):
    """Runs a batch to its end. One that waits for its provider is cancelled."""
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = client.files.create(file=("requests.jsonl", data), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "one"})
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        if batch.status == "in_progress" and "refuses" in batch.model_extra["tandem"].get("waiting", ""):
            client.batches.cancel(batch.id)
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    return batch


def request(custom_id, messages):
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": {"model": os.environ["MODEL"], "messages": messages, "tools": [tool]}}


for _ in range(3):
    batch = run([request("one", messages)])
    if batch.status != "completed" or batch.output_file_id is None:
        raise SystemExit(f"{batch.status}: {client.files.content(batch.error_file_id).text}")
    line = json.loads(client.files.content(batch.output_file_id).text)
    assert line["custom_id"] == "one" and line["error"] is None and line["response"]["status_code"] == 200, line
    message = line["response"]["body"]["choices"][0]["message"]
    if not message.get("tool_calls"):
        print(message["content"])
        break
    messages.append(message)
    for call in message["tool_calls"]:
        city = json.loads(call["function"]["arguments"])["city"]
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": f"sunny in {city}"})

if os.environ["MODEL"] == "prompt":
    assert batch.metadata == {"run": "one"} and batch.completed_at >= batch.created_at and batch.usage.output_tokens > 0
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (1, 1, 0)
    wrong = run([request("twice", messages), request("twice", messages)])
    assert wrong.status == "failed" and wrong.errors.data[0].line == 2 and "twice" in wrong.errors.data[0].message
    assert {b.id for b in client.batches.list(limit=1)} == {batch.id, wrong.id}
    assert client.files.retrieve(batch.output_file_id).purpose == "batch_output"
    assert batch.input_file_id in [f.id for f in client.files.list(purpose="batch")]
    for file in (batch.input_file_id, batch.output_file_id, wrong.input_file_id):
        assert client.files.delete(file).deleted
    assert [f.id for f in client.files.list()] == []
