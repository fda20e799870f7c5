// Package collection keeps texts with their vectors, and finds the passages of a
// collection that are nearest in meaning to a question. Vectors are compared with
// vectors of the same model only, so a collection has one provider and no fallback.
package collection

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"unicode"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// Config is what collections need of the program.
type Config struct {
	Store *store.Store // nil: there is no directory for it
	// Source returns a configured provider.
	Source func(name string) (Source, bool)
	// Use are the providers in their order, at least one.
	Use []string
	// Private keeps all texts on this machine.
	Private bool
	// Replay says that nobody is to be asked.
	Replay bool
	// Warn, if not nil, is told about a model that makes poor vectors.
	Warn func(string)
}

// Source is a configured provider that makes vectors.
type Source struct {
	Name, Model string // Model is the provider's default
	Endpoint    string
	Ollama      bool              // names of models, and their digests, are Ollama's
	Provider    provider.Provider // describes the models
	// Embedder makes vectors by the rules that chats keep to: an engine is started,
	// the key is looked up, costs are kept. Errors: Denied, without its key;
	// Unsupported, when it makes none.
	Embedder func(context.Context) (provider.Embedder, error)
	// RetryStale says that what was sent on a stale connection may be sent again.
	RetryStale bool
	// MayPassOn reports whether a server on this machine may send texts on; the
	// adapter knows of all others.
	MayPassOn func() bool
	Local     func(context.Context) bool
	NotLocal  func(context.Context) (why, remedy string)
	// MustStay returns why what, such as "the question", may not be sent, or nil.
	MustStay func(ctx context.Context, model, what string, private bool) error
}

// sameModel reports whether two names mean one model.
func (s *Source) sameModel(a, b string) bool {
	if s.Ollama {
		return ollamahost.SameModel(a, b)
	}
	return a == b
}

// Catalog is the collections of one directory. It is safe for concurrent use.
type Catalog struct {
	cfg     Config
	lookups provider.Provider // records or replays what is found; nil: neither
}

// NewCatalog returns the collections of a store. It opens nothing.
func NewCatalog(cfg Config) *Catalog { return &Catalog{cfg: cfg} }

// Collection is a set of texts in the store, with the model that makes their
// vectors. It is safe for concurrent use, [Ingest] excepted.
type Collection struct {
	store.Collection
	store    *store.Store
	embedder *embedder

	mu      sync.Mutex
	checked bool // the model is the one that it was
}

var _ retrieve.Searcher = (*Collection)(nil)

// Retriever returns the collection of that name, a [retrieve.Searcher]. It calls
// no model. Errors: Invalid, when there is none, or its provider is not
// configured; Unsupported, in a replay.
func (s *Catalog) Retriever(ctx context.Context, collection string) (retrieve.Retriever, error) {
	c, err := s.Collection(ctx, collection)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Collection is [Catalog.Retriever] with all that a collection can do.
func (s *Catalog) Collection(ctx context.Context, name string) (*Collection, error) {
	if s.cfg.Replay {
		return nil, provider.Errorf(provider.Unsupported, "collection "+name, "", "a replay calls no provider, and vectors are not recorded")
	}
	if s.cfg.Store == nil {
		return nil, invalidCollection(name, "there is no directory to store it in")
	}
	c, ok, err := s.cfg.Store.Collection(ctx, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, invalidCollection(name, "no such collection; "+s.collectionNames(ctx))
	}
	t, ok := s.cfg.Source(c.Provider)
	if !ok {
		return nil, invalidCollection(name, "its vectors were made by the provider "+c.Provider+", which is not configured")
	}
	return &Collection{Collection: c, store: s.cfg.Store, embedder: &embedder{s, t}}, nil
}

// Kept tells what a collection holds now, if there is one of that name.
func (s *Catalog) Kept(ctx context.Context, name string) (c store.Collection, ok bool, err error) {
	if s.cfg.Store == nil {
		return c, false, nil
	}
	return s.cfg.Store.Collection(ctx, name)
}

func (s *Catalog) collectionNames(ctx context.Context) string {
	all, err := s.cfg.Store.Collections(ctx)
	if err != nil || len(all) == 0 {
		return "there is none yet: make one with `tandem embed NAME FILE`"
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	return "there are: " + strings.Join(names, ", ")
}

func invalidCollection(name, text string) error {
	return provider.Errorf(provider.Invalid, "collection "+name, "", "%s", text)
}

// New is what [Catalog.MakeCollection] is told.
type New struct {
	Name     string
	Provider string // who makes the vectors; "": as it was, or the first in use
	Model    string // "": as it was, or Provider's own
}

// MakeCollection returns the collection of that name, and makes it where there
// is none. It takes on the stack's privacy where that is stricter. The engine is
// asked whether the model is the one that made the vectors there are.
//
// Errors: Invalid, when the collection's model is another one than n's, or has
// changed; Private, when its texts may not go to the provider; and the engine's.
func (s *Catalog) MakeCollection(ctx context.Context, n New) (*Collection, error) {
	if err := checkCollectionName(n.Name); err != nil {
		return nil, err
	}
	if s.cfg.Store == nil {
		return nil, invalidCollection(n.Name, "there is no directory to store it in")
	}
	old, exists, err := s.cfg.Store.Collection(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	row := store.Collection{Name: n.Name, Provider: cmp.Or(n.Provider, old.Provider, s.cfg.Use[0]), Model: cmp.Or(n.Model, old.Model)}
	if s.cfg.Private {
		row.Privacy = provider.PrivacyLocal
	}
	exists = exists && old.Dimensions > 0 // what holds no vector may still have any model
	if exists && (row.Provider != old.Provider || !s.sameModel(old, row.Model)) {
		return nil, invalidCollection(n.Name, "its vectors were made by "+old.Provider+"/"+old.Model+
			", and vectors of two models cannot be compared; choose another name, or start over after `tandem collections rm "+n.Name+"`")
	}
	t, ok := s.cfg.Source(row.Provider)
	if !ok {
		return nil, invalidCollection(n.Name, "its vectors were made by the provider "+row.Provider+", which is not configured")
	}
	if row.Model == "" && n.Provider != "" {
		row.Model = t.Model
	}
	if row.Model == "" {
		return nil, invalidCollection(n.Name, "it is new and needs an embedding model: -m all-minilm, say; `tandem models pull all-minilm` gets it")
	}
	if err := s.mayEmbed(ctx, t, row, old); err != nil {
		return nil, err
	}
	e := &embedder{s, t}
	if !exists {
		if row.Digest, err = e.digest(ctx, row.Model); err != nil {
			return nil, err
		}
		if bad := e.noEmbedder(ctx, row.Model); bad != "" && s.cfg.Warn != nil {
			s.cfg.Warn(bad)
		}
	}
	made, err := s.cfg.Store.MakeCollection(ctx, row)
	if err != nil {
		return nil, err
	}
	c := &Collection{Collection: made, store: s.cfg.Store, embedder: e}
	return c, c.check(ctx)
}

// mayEmbed refuses a provider that the collection's texts may not go to, before
// anything is made or anybody is asked.
func (s *Catalog) mayEmbed(ctx context.Context, t Source, row, old store.Collection) error {
	var text string
	switch {
	case row.Privacy == provider.PrivacyLocal:
		text = "may not leave it (privacy: local)"
	case old.Privacy == provider.PrivacyLocal:
		text = "may not leave it: it was made with privacy: local, which stays; choose another name, or start over after `tandem collections rm " + row.Name + "`"
	default:
		return nil
	}
	if t.Local(ctx) {
		return nil
	}
	if why, remedy := t.NotLocal(ctx); why != "" {
		return provider.Errorf(provider.Private, t.Name, row.Model, "%s, and what the collection %s holds %s; %s", why, row.Name, text, remedy)
	}
	return provider.Errorf(provider.Private, t.Name, row.Model, "%s is not on this machine, and what the collection %s holds %s", t.Endpoint, row.Name, text)
}

// sameModel reports whether a name means the model that made a collection.
func (s *Catalog) sameModel(old store.Collection, model string) bool {
	t, ok := s.cfg.Source(old.Provider)
	if !ok {
		return old.Model == model
	}
	return t.sameModel(old.Model, model)
}

func checkCollectionName(name string) error {
	ok := name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	})
	if !ok || name[0] == '-' || name[0] == '.' {
		return provider.Errorf(provider.Invalid, "", "", "a collection's name may have letters, digits, '-', '_' and '.' only, and must not start with '-' or '.'; %q is not valid", name)
	}
	return nil
}

// check refuses a model that is not the one that made the vectors.
func (c *Collection) check(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checked || c.Digest == "" {
		return nil
	}
	now, err := c.embedder.digest(ctx, c.Model)
	if err != nil {
		return err
	}
	if now != c.Digest {
		return invalidCollection(c.Name, "its vectors were made by "+c.Model+" with digest "+short(c.Digest)+", but "+c.Provider+" now has digest "+short(now)+
			": their vectors cannot be compared; start over after `tandem collections rm "+c.Name+"`")
	}
	c.checked = true
	return nil
}

func short(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}

// options are how vectors are made that belong into the collection.
func (c *Collection) options() retrieve.Options {
	return retrieve.Options{Model: c.Model, Privacy: c.Privacy, As: c.Served, Dimensions: c.Dimensions}
}

// Retrieve returns the k passages nearest to query.
func (c *Collection) Retrieve(ctx context.Context, query string, k int) ([]retrieve.Passage, error) {
	found, _, err := c.Find(ctx, query, k, retrieve.Search{})
	return found, err
}

// Find returns k passages as how says, and who made the question's vector.
func (c *Collection) Find(ctx context.Context, query string, k int, how retrieve.Search) ([]retrieve.Passage, *provider.Route, error) {
	if strings.TrimSpace(query) == "" {
		return nil, nil, invalidCollection(c.Name, "the query is empty")
	}
	if c.Dimensions == 0 {
		return nil, nil, invalidCollection(c.Name, "it is empty; add files to it: tandem embed "+c.Name+" FILE")
	}
	options := c.options()
	if how.Privacy == provider.PrivacyLocal {
		options.Privacy = how.Privacy
	}
	q, by, err := retrieve.Question(ctx, c.embedder, options, query)
	if err == nil {
		err = c.check(ctx)
	}
	if err != nil {
		return nil, by.Route, err
	}
	near, err := c.store.Nearest(ctx, c.ID, q, how.Candidates(k))
	if err != nil {
		return nil, by.Route, c.different(err)
	}
	vectors := make([][]float32, len(near))
	for i, f := range near {
		vectors[i] = f.Vector
	}
	found := []retrieve.Passage{}
	for _, i := range how.Pick(q, vectors, k) {
		f := near[i]
		found = append(found, retrieve.Passage{Text: f.Text, Source: f.Source, Line: f.Line, Offset: f.Offset, Score: f.Score, Privacy: f.Privacy})
	}
	return found, by.Route, nil
}

// different words the store's refusal as everybody's else.
func (c *Collection) different(err error) error {
	var d *store.DifferentError
	if errors.As(err, &d) {
		return invalidCollection(c.Name, d.Error())
	}
	return err
}
