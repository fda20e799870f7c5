package ollama

import (
	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// pathOf is where a request is sent.
func pathOf(c *provider.Completion) string {
	if c == nil {
		return "/api/chat"
	}
	return "/api/generate"
}

// requestOf is the request that is sent: a chat, or a text that is to be continued.
func requestOf(body *api.ChatRequest, c *provider.Completion) any {
	if c == nil {
		return body
	}
	text := body.Messages[len(body.Messages)-1]
	req := &api.GenerateRequest{
		Model: body.Model, Prompt: text.Content, Images: text.Images, Suffix: c.Suffix, Raw: c.Raw, Template: c.Template,
		Options: body.Options, Stream: body.Stream, KeepAlive: body.KeepAlive, Think: body.Think, Truncate: body.Truncate, Shift: body.Shift,
	}
	if len(body.Messages) > 1 {
		req.System = body.Messages[0].Content
	}
	return req
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
