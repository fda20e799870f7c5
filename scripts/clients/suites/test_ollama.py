from conftest import Standard
from langchain_ollama import ChatOllama


class TestChatOllama(Standard):
    chat_model_class = ChatOllama
    params = {}
    has_tool_choice = False  # its bind_tools does not use it
    supports_json_mode = True
