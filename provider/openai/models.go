package openai

import (
	"context"
	"time"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// Models lists /models. The API tells no capabilities.
func (p *Provider) Models(ctx context.Context) ([]provider.Model, error) {
	call := p.call(httpx.Whole, provider.PrivacyAny)
	list, err := p.client.ListModels(httpx.WithCall(ctx, call))
	p.gateway(call, &gatewayHints{})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, p.classify(call, "", false, err)
	}
	models := make([]provider.Model, len(list.Models))
	for i, m := range list.Models {
		models[i] = provider.Model{Name: m.ID, Provider: p.cfg.Name}
		if m.CreatedAt > 0 {
			models[i].Modified = time.Unix(m.CreatedAt, 0).UTC()
		}
	}
	return models, nil
}

// Inspect tells what /models says of one model, which is little.
func (p *Provider) Inspect(ctx context.Context, model string) (provider.ModelInfo, error) {
	model = p.model(model)
	all, err := p.Models(ctx)
	if err != nil {
		return provider.ModelInfo{}, err
	}
	for _, m := range all {
		if m.Name == model {
			return provider.ModelInfo{Model: m}, nil
		}
	}
	return provider.ModelInfo{}, provider.Errorf(provider.ModelNotFound, p.cfg.Name, model, "the server does not list it")
}

// Embed asks /embeddings.
func (p *Provider) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return provider.EmbedResponse{}, failure.Named(err, p.cfg.Name, model)
	}
	if err := p.checkPrivacy(model, req.Privacy); err != nil {
		return provider.EmbedResponse{}, failure.InputNotSent(err, &req, "to "+p.endpoint)
	}
	call, seen := p.watchedCall(httpx.Whole, req.Privacy)
	a := &answer{p: p, asked: model, privacy: req.Privacy, call: call, seen: seen, start: time.Now()}
	resp, err := p.client.CreateEmbeddings(httpx.WithCall(ctx, call), goopenai.EmbeddingRequest{
		Input: req.Input, Model: goopenai.EmbeddingModel(model), Dimensions: req.Dimensions,
		EncodingFormat: goopenai.EmbeddingEncodingFormatFloat,
	})
	if e := a.checkGateway(ctx); e != nil {
		return provider.EmbedResponse{}, e
	}
	if err != nil {
		if ctx.Err() != nil {
			return provider.EmbedResponse{}, ctx.Err()
		}
		return provider.EmbedResponse{}, failure.InputNotSent(p.classify(call, model, false, err), &req, "to "+p.endpoint)
	}
	a.model = string(resp.Model)
	out := provider.EmbedResponse{Vectors: make([][]float32, len(req.Input)), Route: a.route()}
	for _, d := range resp.Data {
		if d.Index >= 0 && d.Index < len(out.Vectors) {
			out.Vectors[d.Index] = d.Embedding
		}
	}
	if err := out.Check(&req); err != nil {
		return provider.EmbedResponse{}, a.error(provider.BadAnswer, "%w", err)
	}
	out.Usage = usage(&resp.Usage, 0)
	return out, nil
}
