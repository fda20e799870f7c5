package chain

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock")) // it ends by itself
}

// fake answers what answer says about the last message, a word a chunk, and
// keeps the requests.
type fake struct {
	answer func(req provider.Request) (text string, finish provider.Finish, err error)

	mu       sync.Mutex
	requests []provider.Request
	canceled int // streams that the consumer left
}

// answers makes a fake whose answers come from a table of prompts.
func answers(table map[string]string) *fake {
	return &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
		prompt := req.Messages[len(req.Messages)-1].Text
		text, ok := table[prompt]
		if !ok {
			return "", "", provider.Errorf(provider.Invalid, "fake", "", "no answer for %q", prompt)
		}
		return text, provider.FinishStop, nil
	}}
}

func (f *fake) Name() string { return "fake" }

func (f *fake) Models(context.Context) ([]provider.Model, error) {
	return nil, errors.New("not asked for")
}

func (f *fake) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		f.mu.Lock()
		f.requests = append(f.requests, req)
		f.mu.Unlock()
		if ctx.Err() != nil {
			yield(provider.Chunk{}, ctx.Err())
			return
		}
		text, finish, err := f.answer(req)
		for _, word := range strings.SplitAfter(text, " ") {
			if word != "" && !yield(provider.Chunk{Text: word}, nil) {
				f.mu.Lock()
				f.canceled++
				f.mu.Unlock()
				return
			}
		}
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		words := len(strings.Fields(text))
		yield(provider.Chunk{
			Finish: finish,
			Usage:  &provider.Usage{OutputTokens: words},
			Route:  &provider.Route{Provider: "fake", Model: "tiny", Local: true},
		}, nil)
	}
}

var _ provider.Provider = (*fake)(nil)

// silent answers the same in one chunk, at no cost, so that what is measured
// is the chain.
type silent struct{ fake }

func (*silent) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		yield(provider.Chunk{Text: "Macron", Finish: provider.FinishStop}, nil)
	}
}
