from conftest import BASE, Standard
from langchain_openai import ChatOpenAI


class TestResponses(Standard):
    chat_model_class = ChatOpenAI
    base_url = BASE + "/v1"
    params = {"api_key": "none", "use_responses_api": True}
    supports_json_mode = True
    supports_image_tool_message = True
