package ollama

import (
	"context"
	"errors"
	"time"

	"github.com/ollama/ollama/api"
	ollamamodel "github.com/ollama/ollama/types/model"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// answerRoom is how many tokens of answer a window should have room for where
// a request does not say.
const answerRoom = 512

// Load brings a model into memory with the window that chats will use, and
// keeps it there as long as they would.
func (p *Provider) Load(ctx context.Context, model string) error {
	return p.LoadWindow(ctx, model, 0, 0)
}

// LoadWindow is Load with a window of so many tokens, kept at least so long; 0:
// as chats have it. It asks for an empty generation. A caller that leaves
// aborts the load: so does the server.
func (p *Provider) LoadWindow(ctx context.Context, model string, window int, least time.Duration) error {
	model = p.model(model)
	options, err := p.options(&provider.Request{}, model)
	if err != nil {
		return err
	}
	if window > 0 {
		options["num_ctx"] = window
	} else if err := p.chooseWindow(ctx, options, &provider.Request{}, model); err != nil {
		return err
	}
	keep := p.keepAlive()
	if keep != nil && keep.Duration >= 0 {
		keep.Duration = max(keep.Duration, least)
	}
	return p.generate(ctx, model, options, keep)
}

// Unload takes a model out of memory: an empty generation that is kept for no
// time.
func (p *Provider) Unload(ctx context.Context, model string) error {
	return p.generate(ctx, p.model(model), nil, &api.Duration{})
}

// generate asks for an empty generation. What is run elsewhere is Unsupported:
// there is nothing to load or unload.
func (p *Provider) generate(ctx context.Context, model string, options map[string]any, keep *api.Duration) error {
	if err := p.checkPrivacy(ctx, model, provider.PrivacyAny); err != nil {
		return err
	}
	if err := p.checkModel(model); err != nil {
		return err
	}
	if host := p.knownRemoteHost(model); host != "" {
		return p.nothingToLoad(model, host)
	}
	call, done := p.call(httpx.NDJSON, normalize.OllamaGenerate, provider.PrivacyAny), false
	call.Free = true
	err := p.client.Generate(httpx.WithCall(ctx, call), &api.GenerateRequest{
		Model: model, KeepAlive: keep, Options: options, Stream: provider.Ptr(false),
		Shift: provider.Ptr(false), // as chats have it: from 0.30 on, another value loads the model anew
	}, func(r api.GenerateResponse) error {
		if host := actualHost(r.Model, r.RemoteHost, r.RemoteModel); host != "" {
			return p.nothingToLoad(model, host)
		}
		done = r.Done
		return nil
	})
	if err == nil && !done {
		err = errors.New("the server ended without saying that it is done")
	}
	if err != nil {
		return p.callError(ctx, call, model, err)
	}
	return nil
}

func (p *Provider) nothingToLoad(model, host string) error {
	return p.unsupported(model, "%s runs it, so there is nothing to load here", host)
}

// Window is the context window that a chat of req will ask for, in tokens; 0:
// the server's default. Errors: those of Config.Window.
func (p *Provider) Window(ctx context.Context, req *provider.Request) (int, error) {
	model := p.model(req.Model)
	options, err := p.options(req, model)
	if err == nil {
		err = p.chooseWindow(ctx, options, req, model)
	}
	return window(options), err
}

// Model is the model that a request for the one asked for means.
func (p *Provider) Model(asked string) string { return p.model(asked) }

// Check returns the error that Chat would return before any call, or nil.
func (p *Provider) Check(req *provider.Request) error {
	_, _, err := p.prepare(req)
	return err
}

// prepare checks and converts a request.
func (p *Provider) prepare(req *provider.Request) (*api.ChatRequest, []byte, error) {
	if err := req.Accepts(p.cfg.Name); err != nil {
		return nil, nil, err
	}
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return nil, nil, failure.Named(err, p.cfg.Name, model)
	}
	if err := p.checkNamePrivacy(model, req.Privacy); err != nil {
		return nil, nil, err
	}
	if err := p.checkModel(model); err != nil {
		return nil, nil, err
	}
	return p.convert(req, model)
}

// CheckModelName returns the error with which every call refuses, before it asks
// Ollama, what cannot be a model's name; nil for a name.
func (p *Provider) CheckModelName(name string) error {
	if !ollamahost.ValidModel(name, func(name string) bool { return ollamamodel.ParseName(name).IsValid() }) {
		return provider.Errorf(provider.Invalid, p.cfg.Name, "", "%q is not a model name: names have letters, digits and / : . _ - only, such as smollm2:135m", name)
	}
	return nil
}

// checkModel is CheckModelName for the model of a request, which may have none.
func (p *Provider) checkModel(model string) error {
	if model == "" {
		return provider.Errorf(provider.Invalid, p.cfg.Name, "", "no model is set; set `model` for this provider or give -m")
	}
	return p.CheckModelName(model)
}

// chooseWindow adds the window that Config.Window chooses to options that have none.
func (p *Provider) chooseWindow(ctx context.Context, options map[string]any, req *provider.Request, model string) error {
	if _, said := options["num_ctx"]; said || p.cfg.Window == nil {
		return nil
	}
	n, err := p.cfg.Window(ctx, model, tokensNeeded(req))
	if n > 0 {
		options["num_ctx"] = n
	}
	return err
}

// tokensNeeded is how many tokens a window should hold for req: what the prompt is
// estimated at, a sixth more, and the answer. 0: req is not a chat.
func tokensNeeded(req *provider.Request) int {
	if len(req.Messages) == 0 {
		return 0
	}
	answer := answerRoom
	if req.MaxTokens != nil {
		answer = *req.MaxTokens
	}
	n := tokens.Request(req)
	return n + n/6 + answer
}

// CountTokens estimates: Ollama tells no count without a model call, and even
// a rendering of the prompt (_debug_render_only) loads the model.
func (p *Provider) CountTokens(_ context.Context, req provider.Request) (n int, exact bool, err error) {
	if err := p.Check(&req); err != nil {
		return 0, false, err
	}
	return tokens.Request(&req), false, nil
}

// SameModel reports whether two names mean the same model: Ollama leaves out
// its own registry, its library and the tag "latest", and looks at no case.
func SameModel(a, b string) bool { return ollamahost.SameModel(a, b) }
