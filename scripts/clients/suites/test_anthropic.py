from conftest import Standard
from langchain_anthropic import ChatAnthropic


class TestChatAnthropic(Standard):
    chat_model_class = ChatAnthropic
    supports_image_tool_message = True
    supports_anthropic_inputs = True
