"""ollama-python, the older generate, as a stream."""
import os
from ollama import Client

last, text = None, ""
for last in Client(host=os.environ["BASE"]).generate(os.environ["MODEL"], os.environ["QUESTION"], stream=True):
    text += last.response
assert last.done and last.done_reason, last
print(text)
