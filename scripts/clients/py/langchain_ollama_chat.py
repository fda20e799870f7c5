"""langchain-ollama: ChatOllama as a stream, with a tool."""
import os
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


model = ChatOllama(base_url=os.environ["BASE"], model=os.environ["MODEL"]).bind_tools([weather])
messages = [HumanMessage(os.environ["QUESTION"])]
for _ in range(3):
    answer = None
    for chunk in model.stream(messages):
        answer = chunk if answer is None else answer + chunk
    messages.append(answer)
    if not answer.tool_calls:
        print(answer.text)
        break
    messages.extend(weather.invoke(call) for call in answer.tool_calls)
