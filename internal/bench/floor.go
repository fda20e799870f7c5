package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	openai "github.com/sashabaranov/go-openai"
)

// Floor is what a Go programmer writes by hand with go-openai, and no more:
// no retry, no clocks, no check that a stream was whole.
func Floor(baseURL string) Works {
	cfg := openai.DefaultConfig(fakeKey)
	cfg.BaseURL = baseURL
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idleConns}}
	f := &floor{openai.NewClientWithConfig(cfg)}
	cfg.BaseURL = slottedURL(baseURL)
	saturated := &floor{openai.NewClientWithConfig(cfg)}
	return Works{
		Chain: f.chain,
		Stream: func(ctx context.Context) (string, error) {
			return f.stream(ctx, streamPrompt)
		},
		InProcess: floorLayer,
		Each:      floorEach(items()),
		Batch:     floorBatch(saturated),
		FString: func(context.Context) (string, error) {
			return fmt.Sprintf(titleFormat, subject, city), nil
		},
		Mustache: floorPlays,
		Jinja2:   floorPlays,
	}
}

type floor struct{ client *openai.Client }

func (f *floor) chain(ctx context.Context) (string, error) {
	title, err := f.ask(ctx, fmt.Sprintf(titleFormat, subject, city))
	if err != nil {
		return "", err
	}
	return f.ask(ctx, fmt.Sprintf(reviewFormat, title))
}

func request(prompt string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{
		Model:    fakeModel,
		Messages: []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: prompt}},
	}
}

func (f *floor) ask(ctx context.Context, prompt string) (string, error) {
	resp, err := f.client.CreateChatCompletion(ctx, request(prompt))
	if err != nil {
		return "", err
	}
	if len(resp.Choices) == 0 {
		return "", errors.New("no choices")
	}
	return resp.Choices[0].Message.Content, nil
}

func (f *floor) stream(ctx context.Context, prompt string) (string, error) {
	req := request(prompt)
	req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	stream, err := f.client.CreateChatCompletionStream(ctx, req)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var text strings.Builder
	for {
		event, err := stream.Recv()
		if err == io.EOF {
			return text.String(), nil
		}
		if err != nil {
			return "", err
		}
		if len(event.Choices) > 0 {
			text.WriteString(event.Choices[0].Delta.Content)
		}
	}
}
