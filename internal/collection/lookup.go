package collection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Find returns the k passages of a collection that how asks for, and who made
// the question's vector. What is found is recorded and replayed as answers are:
// a replay needs no collection.
func (s *Catalog) Find(ctx context.Context, collection, query string, k int, how retrieve.Search) ([]retrieve.Passage, *provider.Route, error) {
	if s.lookups == nil {
		c, err := s.Collection(ctx, collection)
		if err != nil {
			return nil, nil, err
		}
		return c.Find(ctx, query, k, how)
	}
	req := provider.Request{
		Messages: []provider.Message{provider.User(query)}, Use: []string{collection},
		Options: map[string]any{"k": k, "mmr": how.MMR}, Privacy: how.Privacy,
	}
	answer, err := provider.Collect(s.lookups.Chat(ctx, req))
	if err != nil {
		return nil, answer.Route, err
	}
	var found []passage
	if err := json.Unmarshal([]byte(answer.Text), &found); err != nil {
		return nil, answer.Route, provider.Errorf(provider.Unavailable, "collection "+collection, "", "the recording is not a list of passages: %w; record it again", err)
	}
	out := make([]retrieve.Passage, len(found))
	for i, p := range found {
		out[i] = retrieve.Passage(p)
	}
	return out, answer.Route, nil
}

// PlanLookup says who would make the question's vector for a [Catalog.Find].
// It calls no provider. The error is that of the lookup; the candidate is there where
// the collection is.
func (s *Catalog) PlanLookup(ctx context.Context, collection, query string, privacy provider.Privacy) (router.Candidate, error) {
	c, err := s.Collection(ctx, collection)
	if err != nil {
		return router.Candidate{}, err
	}
	t := c.embedder.source
	plan := router.Candidate{Provider: c.Provider, Model: c.Model, Endpoint: t.Endpoint, PromptTokens: tokens.Text(query), Estimated: true, Keep: true}
	local := c.Privacy == provider.PrivacyLocal || privacy == provider.PrivacyLocal || s.cfg.Private
	err = t.MustStay(ctx, c.Model, "the question", local)
	var refused *provider.Error
	if errors.As(err, &refused) {
		plan.Keep, plan.Kind, plan.Reason = false, refused.Kind, refused.Err.Error()
	}
	return plan, err
}

// PassagesStay reports whether what the collection holds is to stay on this
// machine; false where there is no such collection.
func (s *Catalog) PassagesStay(ctx context.Context, collection string) bool {
	c, err := s.Collection(ctx, collection)
	return err == nil && c.Privacy == provider.PrivacyLocal
}

// passage is a retrieve.Passage in a recording.
type passage struct {
	Text    string           `json:"text"`
	Source  string           `json:"source"`
	Line    int              `json:"line"`
	Offset  int              `json:"offset"`
	Score   float64          `json:"score"`
	Privacy provider.Privacy `json:"privacy,omitempty"`
}

// lookups is a provider whose answers are passages, so that they are recorded as
// all answers are. Only [Catalog.Find] asks it.
type lookups struct{ catalog *Catalog }

var _ provider.Provider = lookups{}

func (lookups) Name() string                                     { return "collections" }
func (lookups) Models(context.Context) ([]provider.Model, error) { return nil, nil }

// Chat looks the last message up in the collection that Use names.
func (l lookups) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		c, err := l.find(ctx, &req)
		yield(c, err)
	}
}

func (l lookups) find(ctx context.Context, req *provider.Request) (provider.Chunk, error) {
	c, err := l.catalog.Collection(ctx, req.Use[0])
	if err != nil {
		return provider.Chunk{}, err
	}
	k, _ := req.Options["k"].(int)
	mmr, _ := req.Options["mmr"].(bool)
	found, route, err := c.Find(ctx, req.Messages[0].Text, k, retrieve.Search{MMR: mmr, Privacy: req.Privacy})
	if err != nil {
		return provider.Chunk{}, err
	}
	kept := make([]passage, len(found))
	for i, p := range found {
		kept[i] = passage(p)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return provider.Chunk{}, fmt.Errorf("the passages cannot be written as JSON: %w", err)
	}
	return provider.Chunk{Text: string(text), Finish: provider.FinishStop, Route: route}, nil
}

// Lookups are the collections as a provider whose answers are passages, to be
// recorded.
func (s *Catalog) Lookups() provider.Provider { return lookups{s} }

// FindThrough has [Catalog.Find] ask p, which records or replays [Catalog.Lookups].
func (s *Catalog) FindThrough(p provider.Provider) { s.lookups = p }

// Candidates are where a lookup's passages are from, as a part of what was asked.
func Candidates(req *provider.Request) []provider.Candidate {
	return []provider.Candidate{{Name: "collection " + req.Use[0]}}
}
