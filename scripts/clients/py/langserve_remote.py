"""LangServe's RemoteRunnable on a chain of the model's name, by the method METHOD."""
import asyncio, os
import httpx
from langchain_core.messages import AIMessage, AIMessageChunk
from langserve import RemoteRunnable

question = {"question": os.environ["QUESTION"]}


def chain(name=os.environ["MODEL"]):
    return RemoteRunnable(f"{os.environ['BASE']}/chains/{name}")


async def collect(stream):
    return [item async for item in stream]


def log():
    state = None

    async def run():
        nonlocal state
        async for patch in chain().astream_log(question):
            state = patch if state is None else state + patch

    asyncio.run(run())
    assert "".join(state.state["streamed_output"]) == state.state["final_output"], state
    assert [step["final_output"].content for step in state.state["logs"].values()] == [state.state["final_output"]]
    return state.state["final_output"]


def events():
    text, output, runs = "", None, set()
    for event in asyncio.run(collect(chain().astream_events(question, version="v2"))):
        runs.add((event["run_id"], tuple(event["parent_ids"])))
        if event["event"] == "on_chat_model_stream":
            assert isinstance(event["data"]["chunk"], AIMessageChunk), event
            text += event["data"]["chunk"].content
        elif event["event"] == "on_chat_model_end":
            assert isinstance(event["data"]["output"], AIMessage), event
        elif event["event"] == "on_chain_end":
            output = event["data"]["output"]
    assert text == output and len(runs) == 2, (text, output, runs)
    return output


methods = {
    "invoke": lambda: chain().invoke(question),
    "batch": lambda: chain().batch([question])[0],
    "stream": lambda: "".join(chain().stream(question)),
    "astream": lambda: "".join(asyncio.run(collect(chain().astream(question)))),
    "astream_log": log,
    "astream_events": events,
}
ask = methods[os.environ["METHOD"]]
if os.environ["MODEL"] == "prompt":
    for name, given, status in (("absent", question, 404), ("prompt", {}, 400), ("prompt", {**question, "more": 1}, 400)):
        was, question, model = question, given, os.environ["MODEL"]
        chain.__defaults__ = (name,)
        try:
            ask()
            raise AssertionError(f"{name} with {given} was answered")
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == status, error
        question, chain.__defaults__ = was, (model,)
print(ask())
