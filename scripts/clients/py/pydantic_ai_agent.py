"""pydantic-ai: an agent as a stream, with a tool that it runs by itself."""
import asyncio, os
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

agent = Agent(OpenAIChatModel(os.environ["MODEL"], provider=OpenAIProvider(base_url=os.environ["BASE"] + "/v1", api_key="none")))


@agent.tool_plain
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


async def main():
    async with agent.run_stream(os.environ["QUESTION"]) as result:
        print(await result.get_output())


asyncio.run(main())
