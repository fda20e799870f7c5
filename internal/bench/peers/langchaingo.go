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
	llm, err := openai.New(openai.WithToken(key), openai.WithBaseURL(baseURL), openai.WithModel(modelName), openai.WithHTTPClient(client()))
	if err != nil {
		return nil, err
	}
	chain, err := langchaingoChain(llm)
	if err != nil {
		return nil, err
	}
	layer, err := langchaingoChain(langchaingoModel{})
	if err != nil {
		return nil, err
	}
	title := langchaingoTemplate(titlePrompt, "subject", "city")
	return map[string]work{
		"chain": chain,
		"layer": layer,
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

func langchaingoTemplate(text string, names ...string) prompts.PromptTemplate {
	return prompts.PromptTemplate{Template: text, InputVariables: names, TemplateFormat: prompts.TemplateFormatFString}
}

func langchaingoChain(llm llms.Model) (work, error) {
	first := chains.NewLLMChain(llm, langchaingoTemplate(titlePrompt, "subject", "city"))
	second := chains.NewLLMChain(llm, langchaingoTemplate(reviewPrompt, "title"))
	first.OutputKey, second.OutputKey = "title", "review"
	chain, err := chains.NewSequentialChain([]chains.Chain{first, second}, []string{"subject", "city"}, []string{"review"})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		out, err := chains.Call(ctx, chain, variables())
		if err != nil {
			return "", err
		}
		return out["review"].(string), nil
	}, nil
}

// langchaingoModel is a model in the process that answers at once.
type langchaingoModel struct{}

func (langchaingoModel) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: layerAnswer, StopReason: "stop"}}}, nil
}

func (langchaingoModel) Call(context.Context, string, ...llms.CallOption) (string, error) {
	return layerAnswer, nil
}
