"""langchain-openai: ChatOpenAI by chat completions, and OpenAIEmbeddings."""
import os
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base = os.environ["BASE"] + "/v1"


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


model = ChatOpenAI(base_url=base, api_key="none", model=os.environ["MODEL"]).bind_tools([weather])
messages = [HumanMessage(os.environ["QUESTION"])]
for _ in range(3):
    answer = None
    for chunk in model.stream(messages):
        answer = chunk if answer is None else answer + chunk
    messages.append(answer)
    if not answer.tool_calls:
        print(answer.content)
        break
    messages.extend(weather.invoke(call) for call in answer.tool_calls)
if os.environ["MODEL"] == "prompt":
    vectors = OpenAIEmbeddings(base_url=base, api_key="none", model="prompt", check_embedding_ctx_length=False).embed_documents(["four"])
    assert vectors == [[4.0, 0.5]]
