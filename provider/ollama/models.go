package ollama

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ollama/ollama/api"
	ollamamodel "github.com/ollama/ollama/types/model"

	"github.com/tandem-llm/tandem/internal/apierror"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// Models lists /api/tags. Servers before 0.20 tell no capabilities there; see
// Inspect.
func (p *Provider) Models(ctx context.Context) ([]provider.Model, error) {
	call := p.call(httpx.Whole, normalize.OllamaTags, provider.PrivacyAny)
	list, err := p.client.List(httpx.WithCall(ctx, call))
	if err != nil {
		return nil, p.callError(ctx, call, "", err)
	}
	models := make([]provider.Model, len(list.Models))
	for i, m := range list.Models {
		models[i] = provider.Model{
			Provider: p.cfg.Name,
			Name:     m.Name, Size: m.Size, Digest: m.Digest, Modified: m.ModifiedAt,
			Family: m.Details.Family, Params: m.Details.ParameterSize, Quant: m.Details.QuantizationLevel, Context: m.Details.ContextLength,
			Remote: actualHost(m.Name, m.RemoteHost, m.RemoteModel), Capabilities: capabilities(m.Capabilities, m.Details.Family),
		}
	}
	return models, nil
}

// capabilities are what a model of that family can do, as the server says it; nil: it
// does not.
func capabilities(list []ollamamodel.Capability, family string) []provider.Capability {
	var out []provider.Capability
	for _, c := range list {
		if encoders[strings.ToLower(family)] && provider.Capability(c) == provider.CanChat {
			c = ollamamodel.Capability(provider.CanEmbed)
		}
		if !slices.Contains(out, provider.Capability(c)) {
			out = append(out, provider.Capability(c))
		}
	}
	return out
}

// encoders are the families of models that make vectors and no text. Of one whose file
// does not say how to pool them, Ollama says that it completes texts.
var encoders = map[string]bool{
	"bert": true, "nomic-bert": true, "nomic-bert-moe": true, "jina-bert-v2": true, "jina-bert-v3": true, "neo-bert": true,
	"modern-bert": true, "eurobert": true, "gemma-embedding": true, "t5encoder": true,
}

// Inspect asks /api/show, and /api/tags for size and digest.
func (p *Provider) Inspect(ctx context.Context, model string) (provider.ModelInfo, error) {
	model = p.model(model)
	r, err := p.show(ctx, model)
	if err != nil {
		return provider.ModelInfo{}, err
	}
	info := provider.ModelInfo{
		Model: provider.Model{
			Provider: p.cfg.Name,
			Name:     model, Modified: r.ModifiedAt, Family: r.Details.Family, Params: r.Details.ParameterSize,
			Quant: r.Details.QuantizationLevel, Context: contextLength(r.ModelInfo), Remote: remoteHostOfModel(model, r),
			Capabilities: capabilities(r.Capabilities, r.Details.Family),
		},
		License: r.License, Template: r.Template, System: r.System, Parameters: r.Parameters, Metadata: r.ModelInfo,
	}
	info.Tensors = make([]provider.Tensor, len(r.Tensors))
	for i, t := range r.Tensors {
		info.Tensors[i] = provider.Tensor{Name: t.Name, Type: t.Type, Shape: t.Shape}
	}
	all, err := p.Models(ctx)
	if err != nil {
		return provider.ModelInfo{}, err
	}
	for _, m := range all {
		if SameModel(m.Name, model) {
			info.Name, info.Size, info.Digest = m.Name, m.Size, m.Digest
			info.Remote = cmp.Or(info.Remote, m.Remote)
		}
	}
	return info, nil
}

// ContextLength is how many tokens a model was made for, by /api/show alone; 0: it does not
// say.
func (p *Provider) ContextLength(ctx context.Context, model string) (int, error) {
	r, err := p.show(ctx, model)
	if err != nil {
		return 0, err
	}
	return contextLength(r.ModelInfo), nil
}

// show asks /api/show about a model that the server has.
func (p *Provider) show(ctx context.Context, model string) (*api.ShowResponse, error) {
	if err := p.checkNamePrivacy(model, provider.PrivacyAny); err != nil { // the server would ask there
		return nil, err
	}
	if err := p.checkModel(model); err != nil {
		return nil, err
	}
	call := p.call(httpx.Whole, normalize.OllamaShow, provider.PrivacyAny)
	call.Free = true
	r, err := p.client.Show(httpx.WithCall(ctx, call), &api.ShowRequest{Model: model})
	if err != nil {
		return nil, p.callError(ctx, call, model, err)
	}
	return r, nil
}

// contextLength is `<architecture>.context_length` of the model's metadata.
func contextLength(info map[string]any) int {
	arch, _ := info["general.architecture"].(string)
	n, _ := info[arch+".context_length"].(float64)
	return int(n)
}

// Running asks /api/ps.
func (p *Provider) Running(ctx context.Context) ([]provider.RunningModel, error) {
	call := p.call(httpx.Whole, normalize.OllamaRunning, provider.PrivacyAny)
	list, err := p.client.ListRunning(httpx.WithCall(ctx, call))
	if err != nil {
		return nil, p.callError(ctx, call, "", err)
	}
	out := make([]provider.RunningModel, len(list.Models))
	for i, m := range list.Models {
		out[i] = provider.RunningModel{
			Name: m.Name, Digest: m.Digest, Size: m.Size, SizeVRAM: m.SizeVRAM,
			Context: m.ContextLength, Expires: m.ExpiresAt, Remote: actualHost(m.Name, "", ""),
		}
	}
	return out, nil
}

// Version asks /api/version.
func (p *Provider) Version(ctx context.Context) (string, error) {
	call := p.call(httpx.Whole, normalize.OllamaVersion, provider.PrivacyAny)
	v, err := p.client.Version(httpx.WithCall(ctx, call))
	if err != nil {
		return "", p.callError(ctx, call, "", err)
	}
	return v, nil
}

// Pull downloads a model. It ends with Done only when the server says success.
func (p *Provider) Pull(ctx context.Context, model string) iter.Seq2[provider.PullProgress, error] {
	return func(yield func(provider.PullProgress, error) bool) {
		if p.cfg.LocalOnly {
			yield(provider.PullProgress{}, provider.Errorf(provider.Offline, p.cfg.Name, model, "Ollama would download it from its registry, and offline mode is on; import a file with `ollama create`"))
			return
		}
		if err := p.CheckModelName(model); err != nil {
			yield(provider.PullProgress{}, err)
			return
		}
		call, done := p.call(httpx.NDJSON, normalize.OllamaProgress, provider.PrivacyAny), false
		err := p.client.Pull(httpx.WithCall(ctx, call), &api.PullRequest{Model: model}, func(r api.ProgressResponse) error {
			done = r.Status == "success"
			if !yield(provider.PullProgress{Status: r.Status, Digest: r.Digest, Completed: r.Completed, Total: r.Total, Done: done}, nil) {
				return errStop
			}
			return nil
		})
		switch {
		case errors.Is(err, errStop), done && err == nil:
			return
		case err == nil:
			err = errors.New("the download ended before the server said that it was complete; run it again to resume")
		}
		yield(provider.PullProgress{}, p.pullFailed(ctx, call, model, err))
	}
}

// pullFailed words what the registry's errors leave unsaid.
func (p *Provider) pullFailed(ctx context.Context, call *httpx.Call, model string, err error) error {
	err = p.callError(ctx, call, model, err)
	var pe *provider.Error
	if !errors.As(err, &pe) || call.Failure == nil {
		return err
	}
	said := apierror.Parse(call.Failure)
	text := said.Message
	switch {
	case strings.Contains(text, "file does not exist"), strings.Contains(text, "invalid model name"):
		pe.Kind, pe.Err = provider.ModelNotFound, fmt.Errorf("the registry has no such model (%s); see https://ollama.com/library", text)
	case strings.Contains(text, "no space left on device"), strings.Contains(text, "not enough space on the disk"): // Linux and macOS, Windows
		pe.Kind, pe.Err = provider.Unavailable, failure.Mark(pe.Err, failure.ErrDiskFull)
	case strings.Contains(text, "dial tcp"), strings.Contains(text, "no such host"), strings.Contains(text, "timeout"):
		pe.Kind, pe.Err = provider.Unavailable, fmt.Errorf("Ollama cannot reach the registry (%s); check the network, or import a file with `ollama create`", text)
	}
	return pe
}

// Embed asks /api/embed.
func (p *Provider) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return provider.EmbedResponse{}, failure.Named(err, p.cfg.Name, model)
	}
	if err := p.checkPrivacy(ctx, model, req.Privacy); err != nil {
		return provider.EmbedResponse{}, failure.InputNotSent(err, &req, p.sentThroughOrTo(model)+p.endpoint)
	}
	if err := p.checkModel(model); err != nil {
		return provider.EmbedResponse{}, err
	}
	if err := p.checkEmbeds(ctx, model, req.Privacy); err != nil {
		return provider.EmbedResponse{}, err
	}
	options, err := p.options(&provider.Request{}, model) // those of a chat, or the model would be loaded again
	if err == nil {
		err = p.chooseWindow(ctx, options, &provider.Request{}, model)
	}
	if err != nil {
		return provider.EmbedResponse{}, err
	}
	call, start := p.call(httpx.Whole, normalize.OllamaEmbeddings, req.Privacy), time.Now()
	r, err := p.client.Embed(httpx.WithCall(ctx, call), &api.EmbedRequest{
		Model: model, Input: req.Input, Truncate: provider.Ptr(false), KeepAlive: p.keepAlive(), Dimensions: req.Dimensions, Options: options,
	})
	if err != nil {
		return provider.EmbedResponse{}, failure.InputNotSent(p.callError(ctx, call, model, err), &req, "to "+p.endpoint)
	}
	a := &answer{p: p, asked: model, privacy: req.Privacy, call: call, start: start}
	a.final.Model = r.Model
	if err := a.checkRemote(r.Model, "", ""); err != nil {
		return provider.EmbedResponse{}, err
	}
	out := provider.EmbedResponse{Vectors: r.Embeddings, Route: a.route()}
	if err := out.Check(&req); err != nil {
		return provider.EmbedResponse{}, a.error(provider.BadAnswer, "%w", err)
	}
	if r.PromptEvalCount > 0 {
		out.Usage = &provider.Usage{InputTokens: r.PromptEvalCount}
	}
	return out, nil
}

// embedsMinor is the first version whose chat models make no embeddings. Asked for
// some, it loads the model anew with other batches, refuses, and loads it once
// more for the next chat.
const embedsMinor = 30

// checkEmbeds refuses what such a server would refuse, before it loads anything.
func (p *Provider) checkEmbeds(ctx context.Context, model string, privacy provider.Privacy) error {
	if ollamahost.CloudModel(model) {
		return nil // the server would ask elsewhere
	}
	v, err := p.serverVersion(ctx, privacy)
	if err != nil || v.minor < embedsMinor {
		return err
	}
	facts, err := p.showModel(ctx, model, privacy)
	if err != nil || facts.can == nil || slices.Contains(facts.can, provider.CanEmbed) {
		return ctx.Err() // what else is wrong, the call tells better
	}
	return p.unsupported(model, "%w", errNoEmbeddings)
}

var errNoEmbeddings = errors.New("the model does not make embeddings; use an embedding model, such as all-minilm (Ollama before 0.30 let chat models make them)")
