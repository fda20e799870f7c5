package ollama

import (
	"context"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// ask sends a chat to /api/chat, and a text that is to be continued to /api/generate,
// whose lines are given to add as if they were a chat's.
func (p *Provider) ask(ctx context.Context, body *api.ChatRequest, c *provider.Completion, add api.ChatResponseFunc) error {
	if c == nil {
		return p.client.Chat(ctx, body, add)
	}
	text := body.Messages[len(body.Messages)-1]
	req := &api.GenerateRequest{
		Model: body.Model, Prompt: text.Content, Images: text.Images, Suffix: c.Suffix, Raw: c.Raw, Template: c.Template,
		Options: body.Options, Stream: body.Stream, KeepAlive: body.KeepAlive, Think: body.Think, Truncate: body.Truncate, Shift: body.Shift,
	}
	if len(body.Messages) > 1 {
		req.System = body.Messages[0].Content
	}
	return p.client.Generate(ctx, req, func(r api.GenerateResponse) error {
		return add(api.ChatResponse{
			Model: r.Model, RemoteModel: r.RemoteModel, RemoteHost: r.RemoteHost, CreatedAt: r.CreatedAt,
			Message: api.Message{Content: r.Response, Thinking: r.Thinking, ToolCalls: r.ToolCalls},
			Done:    r.Done, DoneReason: r.DoneReason, Metrics: r.Metrics,
		})
	})
}

// checkCompletion refuses what Ollama would drop without a word: of a text that is
// filled in, it takes nothing but what is before and after.
func (p *Provider) checkCompletion(req *provider.Request, model string) error {
	if req.Completion == nil || req.Completion.Suffix == "" {
		return nil
	}
	if len(req.Messages) > 1 && !req.Completion.Raw {
		return p.unsupportedMember(model, "system", "Ollama takes no system message with a suffix")
	}
	if len(req.Messages[len(req.Messages)-1].Images) > 0 {
		return p.unsupportedMember(model, "images", "Ollama takes no images with a suffix")
	}
	return nil
}

// formOf is the form of the answer to a request.
func formOf(req *provider.Request) *normalize.Form {
	if req.Completion != nil {
		return normalize.OllamaGenerate
	}
	return normalize.OllamaChat
}

// isPlain reports whether the answer is a piece of the user's own text, in which tags
// such as <think> mean nothing.
func isPlain(req *provider.Request) bool {
	return req.Completion != nil && (req.Completion.Raw || req.Completion.Suffix != "")
}
