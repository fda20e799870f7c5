package batchapi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/testbatch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a batch whose rows are to be run by a server.
type bench struct {
	t      *testing.T
	dir    string
	server *testbatch.Server
	said   []string
	waits  int
	onWait func(n int)
	held   map[string]float64
	budget float64 // 0: none
}

func newBench(t *testing.T, m testbatch.Manner) *bench {
	b := &bench{t: t, dir: t.TempDir(), server: testbatch.New(m), held: map[string]float64{}}
	t.Cleanup(b.server.Close)
	return b
}

// start makes a batch of rows.
func (b *bench) start(rows ...string) {
	b.t.Helper()
	f, err := batch.Create(b.t.Context(), b.dir, batch.Spec{ID: "b1", Variants: 1, Repeats: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	bound, err := table.New("t.csv", func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("what\n" + strings.Join(rows, "\n") + "\n")), nil
	}).Bind(b.chain(), nil)
	if err == nil {
		_, err = f.Add(b.t.Context(), bound.Rows(), nil)
	}
	if err == nil {
		err = f.Ready(b.t.Context(), f.Spec())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) chain() *chain.Chain {
	c, err := chain.Parse("c.yaml", []byte("prompt: '{what}'\n"))
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// open returns what Work needs.
func (b *bench) open() (Config, func()) {
	b.t.Helper()
	f, err := batch.Open(b.t.Context(), b.dir, "b1")
	if err != nil {
		b.t.Fatal(err)
	}
	transport := httpx.NewTransport(httpx.Options{Keep: time.Nanosecond})
	p, err := openai.New(openai.Config{Name: "paid", BaseURL: b.server.URL + "/v1", Key: "k", Model: "m", RoundTripper: transport})
	if err != nil {
		b.t.Fatal(err)
	}
	priced := ledger.New(p, ledger.Config{Tariff: ledger.Tariff{Model: "m", Override: ledger.PriceOverride{Input: provider.Ptr(1.0), Output: provider.Ptr(1.0)}, Half: true}})
	run := func(ctx context.Context, item batch.Item) batch.Reply {
		return batch.Ask(ctx, runner.Job{Chain: b.chain(), Provider: priced, Vars: item.Inputs, Defaults: provider.Request{NoStream: true}})
	}
	c := Config{
		File: f, API: p.BatchAPI(nil), Provider: "paid", Ask: run, Answer: run,
		Quoted: func(ctx context.Context, usd *float64) context.Context { *usd = 1; return ctx },
		Hold: func(_ context.Context, key string, usd float64) error {
			sum := 0.0
			for _, v := range b.held {
				sum += v
			}
			if _, ok := b.held[key]; !ok && b.budget > 0 && sum+usd > b.budget {
				return &provider.Error{Kind: provider.OverBudget, Err: &ledger.Over{Limit: b.budget, Left: b.budget - sum, Need: usd}}
			}
			b.held[key] = usd
			return nil
		},
		LetGo: func(_ context.Context, but ...string) error {
			maps.DeleteFunc(b.held, func(key string, _ float64) bool { return !slices.Contains(but, key) })
			return nil
		},
		Say: func(text string) { b.said = append(b.said, text) },
		Wait: func(context.Context, time.Duration) {
			if b.waits++; b.onWait != nil {
				b.onWait(b.waits)
			}
			if b.waits > 10_000 {
				panic("it waits without end")
			}
		},
	}
	return c, func() {
		transport.CloseIdleConnections()
		if err := f.Close(); err != nil {
			b.t.Error(err)
		}
	}
}

// work runs the batch in a process of its own.
func (b *bench) work(change func(*Config)) error {
	c, done := b.open()
	defer done()
	if change != nil {
		change(&c)
	}
	return Work(b.t.Context(), c)
}

// results are what is stored: the answer of each row, or its error's kind.
func (b *bench) results() (out []string, s batch.Status) {
	b.t.Helper()
	v, err := batch.Look(b.dir, "b1")
	if err != nil {
		b.t.Fatal(err)
	}
	defer v.Close()
	for r, err := range v.Results(b.t.Context()) {
		switch {
		case err != nil:
			b.t.Fatal(err)
		case r.Result.OK:
			out = append(out, r.Result.Answer)
		default:
			out = append(out, r.Result.Error.Kind)
		}
	}
	if s, err = v.Status(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return out, s
}

// failure is why a row failed.
func (b *bench) failure(row int) string {
	b.t.Helper()
	v, err := batch.Look(b.dir, "b1")
	if err != nil {
		b.t.Fatal(err)
	}
	defer v.Close()
	for r, err := range v.Results(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		if r.Row == row && r.Result.Error != nil {
			return r.Result.Error.Message
		}
	}
	return ""
}

func rows(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("say %d", i+1))
	}
	return all
}
