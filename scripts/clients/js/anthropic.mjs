// @anthropic-ai/sdk, messages as a stream, with a tool.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.BASE, apiKey: "none" });
const tools = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const messages = [{ role: "user", content: process.env.QUESTION }];
for (let i = 0; i < 3; i++) {
  const message = await client.messages.stream({ model: process.env.MODEL, max_tokens: 100, messages, tools }).finalMessage();
  const calls = message.content.filter((block) => block.type === "tool_use");
  if (calls.length === 0) {
    console.log(message.content[0].text);
    break;
  }
  messages.push({ role: "assistant", content: message.content });
  messages.push({ role: "user", content: calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "sunny in " + call.input.city })) });
}
