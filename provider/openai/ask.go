package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	goopenai "github.com/sashabaranov/go-openai"
)

// postChat sends a request for an answer as the SDK does. The SDK sets some KiB aside for each,
// to read what is read here. The body of the reply has to be closed.
func (p *Provider) postChat(ctx context.Context, body *goopenai.ChatCompletionRequest) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.BaseURL+"/chat/completions", bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if body.Stream {
		req.Header.Set("Accept", "text/event-stream")
		req.Header.Set("Cache-Control", "no-cache")
		req.Header.Set("Connection", "keep-alive")
	}
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	resp, err := p.transport.Client().Do(req)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		_ = resp.Body.Close() // what the server said is in the call
		return nil, statusError(resp.StatusCode)
	}
	return resp, err
}
