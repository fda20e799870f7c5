package main

import (
	"context"
	"strings"

	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
	"github.com/tmc/langchaingo/prompts"
)

// langchaingoWorks uses a SequentialChain of two LLMChains.
func langchaingoWorks(_ context.Context, baseURL string) (map[string]work, error) {
	llm, err := openai.New(openai.WithToken(key), openai.WithBaseURL(baseURL), openai.WithModel(model), openai.WithHTTPClient(client()))
	if err != nil {
		return nil, err
	}
	template := func(text string, names ...string) prompts.PromptTemplate {
		return prompts.PromptTemplate{Template: text, InputVariables: names, TemplateFormat: prompts.TemplateFormatFString}
	}
	title, review := template(titlePrompt, "subject", "city"), template(reviewPrompt, "title")
	first, second := chains.NewLLMChain(llm, title), chains.NewLLMChain(llm, review)
	first.OutputKey, second.OutputKey = "title", "review"
	chain, err := chains.NewSequentialChain([]chains.Chain{first, second}, []string{"subject", "city"}, []string{"review"})
	if err != nil {
		return nil, err
	}
	return map[string]work{
		"chain": func(ctx context.Context) (string, error) {
			out, err := chains.Call(ctx, chain, variables())
			if err != nil {
				return "", err
			}
			return out["review"].(string), nil
		},
		"stream": func(ctx context.Context) (string, error) {
			var text strings.Builder
			_, err := llms.GenerateFromSinglePrompt(ctx, llm, streamPrompt, llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
				text.Write(chunk)
				return nil
			}))
			return text.String(), err
		},
		"template": func(context.Context) (string, error) { return title.Format(variables()) },
	}, nil
}
