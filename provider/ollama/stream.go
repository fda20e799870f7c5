package ollama

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/auth"
	"github.com/ollama/ollama/envconfig"
	ollamaversion "github.com/ollama/ollama/version"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// errRefused is an HTTP status that is a failure: what the server said is in the call.
var errRefused = errors.New("the server refused the request")

// ask sends a chat to /api/chat, and a text that is to be continued to /api/generate,
// and gives add the lines of the answer, as those of a chat. The client of package api
// does the same, but sets 8 MiB aside for each call and decodes each line twice.
func (p *Provider) ask(ctx context.Context, call *httpx.Call, body *api.ChatRequest, c *provider.Completion, add api.ChatResponseFunc) error {
	resp, err := p.post(httpx.WithCall(ctx, call), pathOf(c), requestOf(body, c))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return errRefused
	}
	line := normalize.Line{Generates: c != nil}
	if !p.general {
		call.Delta = &line
	}
	for {
		data, err := call.Events.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := decode(data, call.InDelta, &line)
		if err != nil {
			return err
		}
		if err := add(r); err != nil {
			return err
		}
	}
}

// decode is a line as the answer of a chat.
func decode(data []byte, read bool, l *normalize.Line) (r api.ChatResponse, err error) {
	switch {
	case read:
		return chatLine(l), nil
	case !l.Generates:
		err = json.Unmarshal(data, &r)
		return r, err
	}
	var g api.GenerateResponse
	err = json.Unmarshal(data, &g)
	return api.ChatResponse{
		Model: g.Model, RemoteModel: g.RemoteModel, RemoteHost: g.RemoteHost, CreatedAt: g.CreatedAt,
		Message: api.Message{Content: g.Response, Thinking: g.Thinking, ToolCalls: g.ToolCalls},
		Done:    g.Done, DoneReason: g.DoneReason, Metrics: g.Metrics,
	}, err
}

func chatLine(l *normalize.Line) api.ChatResponse {
	r := api.ChatResponse{
		Model: l.Model, Message: api.Message{Content: l.Text, Thinking: l.Thinking}, Done: l.Done, DoneReason: l.Finish,
		Metrics: api.Metrics{
			TotalDuration: time.Duration(l.Total), LoadDuration: time.Duration(l.Load), PromptEvalCount: l.Prompt,
			PromptEvalDuration: time.Duration(l.PromptEval), EvalCount: l.Answer, EvalDuration: time.Duration(l.Eval),
		},
	}
	if l.Cached >= 0 {
		r.PromptEvalCachedCount = provider.Ptr(l.Cached)
	}
	return r
}

// post sends a request as api's client does.
func (p *Provider) post(ctx context.Context, path string, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	u, token := p.base.JoinPath(path), ""
	if envconfig.UseAuth() || u.Hostname() == "ollama.com" { // signed with the user's key
		now := strconv.FormatInt(time.Now().Unix(), 10)
		if token, err = auth.Sign(ctx, fmt.Appendf(nil, "%s,%s?ts=%s", http.MethodPost, path, now)); err != nil {
			return nil, err
		}
		q := u.Query()
		q.Set("ts", now)
		u.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/x-ndjson")
	req.Header.Set("User-Agent", fmt.Sprintf("ollama/%s (%s %s) Go/%s", ollamaversion.Version, runtime.GOARCH, runtime.GOOS, runtime.Version()))
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	return p.transport.Client().Do(req)
}
