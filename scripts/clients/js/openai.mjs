// openai-node: responses as a stream, with a tool, and models.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE + "/v1", apiKey: "none" });
const model = process.env.MODEL;
const tools = [{ type: "function", name: "weather", strict: false, parameters: { type: "object", properties: { city: { type: "string" } } } }];
let input = [{ role: "user", content: process.env.QUESTION }];
for (let turn = 0; turn < 3; turn++) {
  const stream = client.responses.stream({ model, input, tools, store: false });
  for await (const event of stream);
  const response = await stream.finalResponse();
  const calls = response.output.filter((item) => item.type === "function_call");
  if (calls.length === 0) {
    console.log(response.output_text);
    break;
  }
  input = [...input, ...response.output];
  for (const call of calls) input.push({ type: "function_call_output", call_id: call.call_id, output: "sunny in " + JSON.parse(call.arguments).city });
}
if (model === "prompt") {
  const models = await client.models.list();
  if (models.data[0].id !== "tandem") throw new Error("no models");
}
