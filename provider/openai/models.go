package openai

import (
	"context"
	"fmt"
	"time"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// Models lists /models, with what some servers tell of a model besides its name.
func (p *Provider) Models(ctx context.Context) ([]provider.Model, error) {
	call := p.call(httpx.Whole, normalize.OpenAIModels, provider.PrivacyAny)
	told := listing{}
	call.Inspect = told
	list, err := p.client.ListModels(httpx.WithCall(ctx, call))
	p.gateway(call, &gatewayHints{})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, p.classify(call, "", false, nil, err)
	}
	models := make([]provider.Model, len(list.Models))
	for i, m := range list.Models {
		models[i] = told[m.ID]
		models[i].Name, models[i].Provider = m.ID, p.cfg.Name
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

// embed asks /embeddings once.
func (p *Provider) embed(ctx context.Context, model string, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if err := p.checkPrivacy(model, req.Privacy); err != nil {
		return provider.EmbedResponse{}, failure.InputNotSent(err, &req, "to "+p.endpoint)
	}
	call, seen := p.watchedCall(httpx.Whole, normalize.OpenAIEmbeddings, req.Privacy)
	a := &answer{p: p, asked: model, privacy: req.Privacy, call: call, seen: seen, start: time.Now()}
	body := goopenai.EmbeddingRequest{Input: req.Input, Model: goopenai.EmbeddingModel(model), Dimensions: req.Dimensions}
	w := p.wireFor(model, nil)
	if !w.omits(compat.EncodingFormat) {
		body.EncodingFormat = goopenai.EmbeddingEncodingFormatFloat
	}
	resp, err := p.client.CreateEmbeddings(httpx.WithCall(ctx, call), body)
	if e := a.checkGateway(ctx); e != nil {
		return provider.EmbedResponse{}, e
	}
	if err != nil {
		if ctx.Err() != nil {
			return provider.EmbedResponse{}, ctx.Err()
		}
		return provider.EmbedResponse{}, failure.InputNotSent(p.classify(call, model, false, &sent{wire: w, model: model}, err), &req, "to "+p.endpoint)
	}
	a.model = string(resp.Model)
	out := provider.EmbedResponse{Vectors: make([][]float32, len(req.Input)), Route: a.route()}
	err = place(out.Vectors, resp.Data)
	if err == nil {
		err = out.Check(&req)
	}
	if err != nil {
		return provider.EmbedResponse{}, a.error(provider.BadAnswer, "%w", err)
	}
	out.Usage = usage(&resp.Usage, 0)
	return out, nil
}

// place puts each vector in the place of its text. Their indexes count from 0, or
// from 1; where all are 0, or none is told, the order counts. Where some are the
// same, nobody can tell whose the vectors are.
func place(vectors [][]float32, data []goopenai.Embedding) error {
	if len(data) != len(vectors) {
		return fmt.Errorf("the server gave %d vectors for %d texts", len(data), len(vectors))
	}
	least, most := 0, 0
	for i, d := range data {
		if i == 0 || d.Index < least {
			least = d.Index
		}
		most = max(most, d.Index)
	}
	inOrder := least == 0 && most == 0
	if !inOrder && (least < 0 || least > 1) {
		return fmt.Errorf("the server's vectors have indexes from %d on", least)
	}
	for i, d := range data {
		at := d.Index - least
		if inOrder {
			at = i
		}
		if at >= len(vectors) {
			return fmt.Errorf("the server gave a vector the index %d, of %d texts", d.Index, len(vectors))
		}
		if vectors[at] != nil {
			return fmt.Errorf("the server gave two vectors the index %d", d.Index)
		}
		vectors[at] = d.Embedding
	}
	return nil
}
