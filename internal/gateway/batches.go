package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/batches"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// newBatches returns what keeps files and runs batches, in the state directory of the
// first stack; nil: there is none.
func (s *Server) newBatches() *batches.Service {
	dir := s.cfg.Stack.StateDir()
	if dir == "" {
		return nil
	}
	return batches.New(batches.Config{
		Exchange: s.exchange, Dir: dir, OnBehalf: s.onBehalfOf, Explain: s.cfg.Explain, Say: s.cfg.Say, Warn: s.cfg.Warn, Version: s.cfg.Version,
	})
}

// openBatches is how many batches run, and how many wait.
func (s *Server) openBatches() (running, waiting int) {
	if s.batches == nil {
		return 0, 0
	}
	return s.batches.Open()
}

// onBehalfOf is ctx for calls on behalf of the key of that name, with what it may now.
func (s *Server) onBehalfOf(ctx context.Context, name string) (context.Context, error) {
	if s.cfg.Keys == nil {
		return nil, errors.New("this server no longer has keys")
	}
	entries, err := s.cfg.Keys.Entries()
	if err != nil {
		return nil, batches.ErrKeys
	}
	for _, e := range entries {
		if e.Caller.Name == name {
			ctx = guard.WithCaller(ctx, e.Caller)
			return callerOf(ctx).Context(ctx), nil
		}
	}
	return nil, fmt.Errorf("the key %s, which the batch was made with, was removed", name)
}

// Uploads reports whether a path takes files as a form.
func Uploads(r *http.Request) bool { return r.URL.Path == batches.FilesPath }

// Start goes on with the batches that were under way when the last process ended.
func (s *Server) Start(ctx context.Context) error {
	if s.responses != nil {
		go s.responses.Expire(ctx)
	}
	if s.batches == nil {
		return nil
	}
	return s.batches.Start(ctx)
}

// StopBatches has no more requests of batches asked. The function that it returns waits
// for those under way until ctx ends; the next process asks the others.
func (s *Server) StopBatches(ctx context.Context) (wait func()) {
	if s.batches == nil {
		return func() {}
	}
	return s.batches.Stop(ctx)
}
