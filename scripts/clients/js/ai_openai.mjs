// Vercel's AI SDK with @ai-sdk/openai: a stream with a tool that it runs by itself.
import { streamText, tool, stepCountIs } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { z } from "zod";

const provider = createOpenAI({ baseURL: process.env.BASE + "/v1", apiKey: "none" });
const result = streamText({
  model: provider(process.env.MODEL),
  prompt: process.env.QUESTION,
  stopWhen: stepCountIs(3),
  onError: ({ error }) => {
    console.error(String(error));
    process.exitCode = 1;
  },
  tools: { weather: tool({ description: "The weather in a city", inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => "sunny in " + city }) },
});
let text = "";
for await (const part of result.textStream) text += part;
console.log(text);
