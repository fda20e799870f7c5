"""What LangChain's standard tests of all packages share."""
import base64, os
import httpx, pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.integration_tests import chat_models

# A picture of one pixel stands for the one that the tests would fetch.
PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(chat_models.httpx, "get", lambda *args, **kwargs: httpx.Response(200, content=PICTURE))


BASE = os.environ["BASE"]


class Standard(ChatModelIntegrationTests):
    """The tests, of a model that does what it is asked."""

    @property
    def chat_model_params(self):
        return {"model": "suite", "base_url": self.base_url, **self.params}

    params = {"api_key": "none"}
    base_url = BASE
    supports_image_inputs = True
    model_override_value = "suite-mini"
