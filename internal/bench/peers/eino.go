package main

import (
	"context"
	"io"
	"strings"

	"github.com/cloudwego/eino-ext/components/model/openai"
	"github.com/cloudwego/eino/components/prompt"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"
)

// einoWorks uses compose.Chain: template, model, the answer as a variable,
// template, model.
func einoWorks(ctx context.Context, baseURL string) (map[string]work, error) {
	llm, err := openai.NewChatModel(ctx, &openai.ChatModelConfig{APIKey: key, BaseURL: baseURL, Model: model, HTTPClient: client()})
	if err != nil {
		return nil, err
	}
	title := prompt.FromMessages(schema.FString, schema.UserMessage(titlePrompt))
	review := prompt.FromMessages(schema.FString, schema.UserMessage(reviewPrompt))
	chain, err := compose.NewChain[map[string]any, *schema.Message]().
		AppendChatTemplate(title).AppendChatModel(llm).
		AppendLambda(compose.InvokableLambda(func(_ context.Context, m *schema.Message) (map[string]any, error) {
			return map[string]any{"title": m.Content}, nil
		})).
		AppendChatTemplate(review).AppendChatModel(llm).
		Compile(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]work{
		"chain": func(ctx context.Context) (string, error) {
			m, err := chain.Invoke(ctx, variables())
			if err != nil {
				return "", err
			}
			return m.Content, nil
		},
		"stream": func(ctx context.Context) (string, error) {
			stream, err := llm.Stream(ctx, []*schema.Message{schema.UserMessage(streamPrompt)})
			if err != nil {
				return "", err
			}
			defer stream.Close()
			var text strings.Builder
			for {
				m, err := stream.Recv()
				if err == io.EOF {
					return text.String(), nil
				}
				if err != nil {
					return "", err
				}
				text.WriteString(m.Content)
			}
		},
		"template": func(ctx context.Context) (string, error) {
			m, err := title.Format(ctx, variables())
			if err != nil {
				return "", err
			}
			return m[0].Content, nil
		},
	}, nil
}
