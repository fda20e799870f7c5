package store

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Embedding is what a call for vectors was about. The vectors are not kept.
type Embedding struct {
	Texts      int   `json:"texts"` // that were sent; Asked has the first of them
	Bytes      int64 `json:"bytes"` // of all of them
	Dimensions int   `json:"dimensions,omitempty"`
}

// keptInput is how many bytes of the texts that a call embeds are kept: those of a
// question, and the beginning of a library.
const keptInput = 16 << 10

// Embedder returns e with its calls written down, as [Log.Chat] does it.
func (l *Log) Embedder(e provider.Embedder) provider.Embedder { return loggedEmbedder{l, e} }

type loggedEmbedder struct {
	log   *Log
	inner provider.Embedder
}

// Embed makes vectors, and notes that.
func (e loggedEmbedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	run := provider.RunOf(ctx)
	if run.ID == "" {
		run.ID = NewID()
		ctx = provider.WithRun(ctx, run)
	}
	began := time.Now()
	e.log.cfg.Writer.open()
	r, err := e.inner.Embed(ctx, req)
	e.log.noteEmbedding(ctx, &req, began, &r, err)
	return r, err
}

func (l *Log) noteEmbedding(ctx context.Context, req *provider.EmbedRequest, began time.Time, r *provider.EmbedResponse, err error) {
	run := provider.RunOf(ctx)
	chat, of := askedToEmbed(req)
	if len(r.Vectors) > 0 {
		of.Dimensions = len(r.Vectors[0])
	}
	c := &Call{
		RunID: run.ID, Step: run.Step, Index: run.Index, Row: batchRow(ctx), Began: began, Took: time.Since(began),
		Asked: asked(&chat, l.cfg.Content), Embedding: &of, Usage: r.Usage, Route: r.Route, Error: failureOf(err), Content: l.cfg.Content,
	}
	if err == nil {
		c.Finish = provider.FinishStop
	}
	var pe *provider.Error
	if e := c.Error; e != nil && errors.As(err, &pe) && pe.Provider != "" {
		e.Attempts = []provider.Attempt{{Provider: pe.Provider, Model: pe.Model, Outcome: provider.OutcomeFailed, Kind: pe.Kind, Took: c.Took}}
	}
	if !l.cfg.Content {
		c.wipe()
	}
	l.cfg.Writer.add(record{call: c, run: *l.run(ctx, began), redact: l.cfg.Redact, size: c.size()})
}

// askedToEmbed is a request for vectors in the form in which questions are kept, with as
// many of its texts as are, and how much there was.
func askedToEmbed(req *provider.EmbedRequest) (provider.Request, Embedding) {
	chat := provider.Request{Model: req.Model, Privacy: req.Privacy}
	of := Embedding{Texts: len(req.Input)}
	for _, text := range req.Input {
		if room := keptInput - of.Bytes; room > 0 {
			chat.Messages = append(chat.Messages, provider.User(cutAt(text, int(room))))
		}
		of.Bytes += int64(len(text))
	}
	return chat, of
}
