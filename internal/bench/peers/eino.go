package main

import (
	"context"
	"io"
	"strings"

	"github.com/cloudwego/eino-ext/components/model/openai"
	"github.com/cloudwego/eino/components/model"
	"github.com/cloudwego/eino/components/prompt"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"
)

// einoWorks uses compose.Chain.
func einoWorks(ctx context.Context, baseURL string) (map[string]work, error) {
	llm, err := openai.NewChatModel(ctx, &openai.ChatModelConfig{APIKey: key, BaseURL: baseURL, Model: modelName, HTTPClient: client()})
	if err != nil {
		return nil, err
	}
	title := prompt.FromMessages(schema.FString, schema.UserMessage(titlePrompt))
	chain, err := einoChain(ctx, title, llm)
	if err != nil {
		return nil, err
	}
	layer, err := einoChain(ctx, title, einoModel{})
	if err != nil {
		return nil, err
	}
	return map[string]work{
		"chain": chain,
		"layer": layer,
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

// einoChain is template, model, the answer as a variable, template, model.
func einoChain(ctx context.Context, title prompt.ChatTemplate, llm model.BaseChatModel) (work, error) {
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
	return func(ctx context.Context) (string, error) {
		m, err := chain.Invoke(ctx, variables())
		if err != nil {
			return "", err
		}
		return m.Content, nil
	}, nil
}

// einoModel is a model in the process that answers at once.
type einoModel struct{}

func (einoModel) Generate(context.Context, []*schema.Message, ...model.Option) (*schema.Message, error) {
	return schema.AssistantMessage(layerAnswer, nil), nil
}

func (einoModel) Stream(context.Context, []*schema.Message, ...model.Option) (*schema.StreamReader[*schema.Message], error) {
	return schema.StreamReaderFromArray([]*schema.Message{schema.AssistantMessage(layerAnswer, nil)}), nil
}
