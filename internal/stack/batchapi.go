package stack

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/router"
)

// BatchAPI is a provider that is asked by its Batch API: what a call would send is
// taken from Ask, and its answer given to Answer, each with a carrier of internal/httpx in the
// context. Both read and check all that a call does, and neither retries, or falls
// back to another provider.
type BatchAPI struct {
	*openai.BatchAPI
	Ask    provider.Provider // reserves nothing: see Quoted
	Answer provider.Provider // prices and logs answers
	// AskVectors and AnswerVectors are Ask and Answer for vectors.
	AskVectors, AnswerVectors provider.Embedder
	Half                      bool // it costs half of the price

	name string
	book *store.Book // nil: no budget is kept
}

// BatchAPI returns a provider's Batch API. It makes no call, but looks up the
// provider's key. Errors: Private and Offline where prompts have to stay on this
// machine; Unsupported where the provider has no Batch API; those of a call.
func (s *Stack) BatchAPI(ctx context.Context, name string) (*BatchAPI, error) {
	a, ok := s.adapters[name]
	if !ok {
		return nil, provider.Errorf(provider.Invalid, name, "", "no such provider, or it answers from recordings")
	}
	preset, err := s.hasBatchAPI(a)
	if err != nil {
		return nil, err
	}
	t := s.configured(a, a.Provider)
	if t.Untrusted != nil {
		return nil, t.Untrusted
	}
	if a.ready != nil {
		if err := a.ready(ctx); err != nil {
			return nil, err
		}
	}
	p, ok := provider.As[*openai.Provider](a.Provider)
	if !ok {
		return nil, provider.Errorf(provider.Unsupported, name, "", "it has no Batch API")
	}
	b := &BatchAPI{BatchAPI: p.BatchAPI(s.withoutTimeouts(a)), name: name}
	c := s.ledgerConfig(a)
	b.Half = c.Tariff.Listed || preset.BatchAPI
	c.Tariff.Half, c.Baseline = b.Half, nil
	if c.Budget {
		b.book = s.book
	}
	asking := c
	asking.Book = quotes{}
	ask := &afresh{s, a, ledger.New(&clean{a.Provider, s.secrets}, asking)}
	b.Ask, b.AskVectors = &named{ask, s}, ask
	c.Budget = false // it is held for the whole part
	answer := &afresh{s, a, ledger.New(&clean{a.Provider, s.secrets}, c)}
	b.AnswerVectors = answer
	answering := provider.Provider(answer)
	if s.writer != nil && s.cfg.Log != config.LogOff {
		answering = store.NewLog(answering, s.logConfig())
	}
	b.Answer = &named{s.telemetry.Wrap(answering, s.system), s}
	return b, nil
}

// hasBatchAPI is the error of a provider that has no Batch API, or may not be sent
// prompts, and what is known of its server.
func (s *Stack) hasBatchAPI(a *adapter) (compat.Preset, error) {
	pc := a.Config
	refuse := func(k provider.Kind, format string, args ...any) (compat.Preset, error) {
		return compat.Preset{}, provider.Errorf(k, pc.Name, "", format, args...)
	}
	if pc.Kind != config.KindOpenAI {
		return refuse(provider.Unsupported, "an Ollama has no Batch API")
	}
	u, err := url.Parse(pc.BaseURL)
	if err != nil {
		return refuse(provider.Invalid, "base_url is not a URL")
	}
	preset, named := compat.Named(pc.Compat.Preset)
	if !named {
		preset = compat.ForHost(u.Hostname())
	}
	switch {
	case s.cfg.Offline:
		return refuse(provider.Offline, "a Batch API is on another machine, and offline mode is on")
	case s.cfg.Privacy == config.PrivacyLocal:
		return refuse(provider.Private, "a Batch API is on another machine, and prompts may not leave this one (privacy: local)")
	case preset.Name != "" && !preset.BatchAPI && len(preset.Hosts) > 0:
		return refuse(provider.Unsupported, "%s has no Batch API in OpenAI's form", preset.Name)
	}
	return preset, nil
}

// Hold sets aside what a part of a run can cost, until [BatchAPI.LetGo]. Errors: those
// of a reservation. Without a budget it does nothing.
func (b *BatchAPI) Hold(ctx context.Context, run, key string, usd float64) error {
	if b.book == nil {
		return nil
	}
	err := b.book.Hold(ctx, ledger.Reservation{Run: run, Provider: b.name, USD: usd}, key)
	var over *ledger.Over
	if errors.As(err, &over) {
		return provider.Errorf(provider.OverBudget, b.name, "", "%w", over)
	}
	return err
}

// LetGo gives back what a run holds, but for these keys.
func (b *BatchAPI) LetGo(ctx context.Context, run string, but ...string) error {
	if b.book == nil {
		return nil
	}
	return b.book.LetGo(ctx, run, but...)
}

// afresh is one provider behind a router of its own for each call: what fails in one
// row of a batch says nothing of the next.
type afresh struct {
	stack *Stack
	a     *adapter
	l     *ledger.Ledger
}

var (
	_ provider.Wrapper  = (*afresh)(nil)
	_ provider.Embedder = (*afresh)(nil)
)

// Name is the provider's name.
func (f *afresh) Name() string { return f.l.Name() }

// Models lists the provider's models.
func (f *afresh) Models(ctx context.Context) ([]provider.Model, error) { return f.l.Models(ctx) }

// Unwrap returns the provider.
func (f *afresh) Unwrap() provider.Provider { return f.l }

// Chat asks the provider once, whoever else may answer.
func (f *afresh) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if slices.Contains(req.Use, f.Name()) {
		req.Use = []string{f.Name()}
	}
	s := f.stack
	r, err := router.New(router.Config{
		Targets: []router.Target{s.target(f.a, s.configured(f.a, f.l), f.l)}, Offline: s.cfg.Offline, Explain: s.explainFailure,
		Policy: router.Policy{Retries: provider.Ptr(0)},
	})
	if err != nil {
		return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, err) }
	}
	return r.Chat(ctx, req)
}

// Embed asks the provider once.
func (f *afresh) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	req.Model = strings.TrimPrefix(req.Model, f.Name()+"/")
	if f.stack.cfg.Privacy == config.PrivacyLocal {
		req.Privacy = provider.PrivacyLocal
	}
	e, ok := f.l.Embedder()
	if !ok {
		return provider.EmbedResponse{}, provider.Errorf(provider.Unsupported, f.Name(), req.Model, "it makes no embeddings")
	}
	return e.Embed(ctx, req)
}

// quotes is a book that only says what would be reserved.
type quotes struct{}

var _ ledger.Book = quotes{}

type quotedKey struct{}

// Quoted returns a context in which a call of Ask adds what it can cost to usd.
func Quoted(ctx context.Context, usd *float64) context.Context {
	return context.WithValue(ctx, quotedKey{}, usd)
}

// Reserve notes the amount.
func (quotes) Reserve(ctx context.Context, h ledger.Reservation) (int64, error) {
	if usd, ok := ctx.Value(quotedKey{}).(*float64); ok {
		*usd += h.USD
	}
	return 1, nil
}

// Fits has room for everything.
func (quotes) Fits(context.Context, ledger.Reservation) error { return nil }

// Renew does nothing.
func (quotes) Renew(int64) {}

// Settle does nothing.
func (quotes) Settle(int64, ledger.Entry) {}

// Release does nothing.
func (quotes) Release(int64) {}
