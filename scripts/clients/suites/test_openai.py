from conftest import BASE, Standard
from langchain_openai import ChatOpenAI


class TestChatOpenAI(Standard):
    chat_model_class = ChatOpenAI
    base_url = BASE + "/v1"
    params = {"api_key": "none", "stream_usage": True}  # not the default where base_url is another than OpenAI's
    supports_json_mode = True
    supports_anthropic_inputs = True
