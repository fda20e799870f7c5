package collection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// Ingest puts texts into a collection, while no other process does. Make one
// with [Collection.Ingest], and Close it.
type Ingest struct {
	c      *Collection
	unlock func()
	have   map[string]store.Document // the whole ones, by their paths
}

// Ingest begins to change a collection. If another process does, wait is called
// once, and that one is waited for.
func (c *Collection) Ingest(ctx context.Context, wait func()) (*Ingest, error) {
	unlock, err := c.store.LockCollections(ctx, wait)
	if err != nil {
		return nil, err
	}
	in := &Ingest{c: c, unlock: unlock, have: map[string]store.Document{}}
	if err := in.look(ctx); err != nil {
		unlock()
		return nil, err
	}
	return in, nil
}

// look reads what there is, now that nobody else changes it.
func (in *Ingest) look(ctx context.Context) error {
	c := in.c
	now, ok, err := c.store.Collection(ctx, c.Name)
	if err == nil && (!ok || now.ID != c.ID) {
		err = invalidCollection(c.Name, "it was removed in the meantime")
	}
	if err != nil {
		return err
	}
	c.Collection = now
	all, err := c.store.Documents(ctx, c.ID)
	for _, d := range all {
		if d.Done {
			in.have[d.Path] = d
		}
	}
	return err
}

// Close lets others change the collection.
func (in *Ingest) Close() { in.unlock() }

// Put is what became of one document.
type Put struct {
	Unchanged bool // it was there already, cut the same way
	Passages  int  // of it
	Resumed   int  // of Passages: made by an earlier run that was interrupted
	Usage     provider.Usage
	USD       float64         // what the vectors cost, as far as that is known
	Unpriced  bool            // the cost of some is not known
	Route     *provider.Route // of the last vectors; nil: none had to be made
}

// Put makes a document's vectors and puts it into the place of what was there
// under its path, at once, when the last of them is made. What an interrupted
// Put has made is kept, and not made again. progress, if not nil, is told how
// many passages of how many are done.
//
// Errors: the embedder's; a passage that the model's window does not hold is a
// [retrieve.TooLongError], and none is cut.
func (in *Ingest) Put(ctx context.Context, path, source, text string, splitter retrieve.Splitter, progress func(done, of int)) (Put, error) {
	sum := sha256.Sum256([]byte(text))
	d := store.Document{Path: path, Source: source, SHA256: hex.EncodeToString(sum[:]), Split: splitter.String()}
	if old, ok := in.have[path]; ok && old.SHA256 == d.SHA256 && old.Split == d.Split {
		if old.Source != source {
			return Put{Unchanged: true}, in.c.store.RenameDocument(ctx, old.ID, source)
		}
		return Put{Unchanged: true}, nil
	}
	passages, err := splitter.Split(source, text)
	if err != nil {
		return Put{}, invalidCollection(in.c.Name, err.Error())
	}
	id, resumed, err := in.c.store.StageDocument(ctx, in.c.ID, d)
	if err != nil {
		return Put{}, err
	}
	p := Put{Passages: len(passages), Resumed: resumed}
	done := resumed
	err = retrieve.Vectors(ctx, in.c.embedder, in.c.options(), passages[resumed:], func(part []retrieve.Passage, r provider.EmbedResponse) error {
		if err := in.keep(ctx, id, part, r); err != nil {
			return err
		}
		if r.Usage != nil {
			p.Usage.InputTokens += r.Usage.InputTokens
		}
		switch {
		case r.Route == nil || r.Route.Cost == nil || r.Route.Cost.USD == nil:
			p.Unpriced = true
		default:
			p.USD += *r.Route.Cost.USD
		}
		p.Route, done = r.Route, done+len(part)
		if progress != nil {
			progress(done, len(passages))
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	return p, in.c.store.FinishDocument(ctx, id)
}

// keep writes one batch down.
func (in *Ingest) keep(ctx context.Context, document int64, part []retrieve.Passage, r provider.EmbedResponse) error {
	c := in.c
	if c.Served == "" && r.Route != nil {
		c.Served = r.Route.Model
	}
	c.Dimensions = len(r.Vectors[0])
	rows := make([]store.Passage, len(part))
	for i, p := range part {
		rows[i] = store.Passage{Line: p.Line, Offset: p.Offset, Text: p.Text, Vector: r.Vectors[i]}
	}
	return c.different(c.store.AddPassages(ctx, c.ID, document, c.Served, rows))
}

// Prune drops the documents whose path gone says is gone, and returns what they
// were called. What was only begun goes without a word.
func (in *Ingest) Prune(ctx context.Context, gone func(path string) bool) (dropped []string, err error) {
	all, err := in.c.store.Documents(ctx, in.c.ID)
	if err != nil {
		return nil, err
	}
	dropped = []string{}
	for _, d := range all {
		if !gone(d.Path) {
			continue
		}
		if err := in.c.store.DropDocument(ctx, d.ID); err != nil {
			return dropped, err
		}
		if d.Done {
			dropped = append(dropped, d.Source)
			delete(in.have, d.Path)
		}
	}
	return dropped, nil
}
