package batch

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a provider that answers with what answer returns for a prompt.
type model struct {
	answer func(ctx context.Context, prompt string) (string, error)
}

func (*model) Name() string                                     { return "m" }
func (*model) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (m *model) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		text, err := m.answer(ctx, req.Messages[len(req.Messages)-1].Text)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		yield(provider.Chunk{
			Text: text, Finish: provider.FinishStop, Usage: &provider.Usage{InputTokens: 3, OutputTokens: 2},
			Route: &provider.Route{Provider: "m", Model: "m-1", Cost: &provider.Cost{USD: provider.Ptr(0.25)}},
		}, nil)
	}
}

func parsed(t *testing.T, text string) *chain.Chain {
	t.Helper()
	c, err := chain.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// job asks a model for {what}.
func job(t *testing.T, answer func(ctx context.Context, prompt string) (string, error)) runner.Job {
	t.Helper()
	return runner.Job{Chain: parsed(t, "prompt: '{what}'\n"), Provider: &model{answer}}
}

func echo(_ context.Context, prompt string) (string, error) { return "re " + prompt, nil }

// lines is a table of one column that is made as it is read.
type lines struct {
	n, at int
	what  func(i int) string
	rest  []byte
}

func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		switch {
		case l.at == 0:
			l.rest = []byte("what\n")
		case l.at > l.n:
			return 0, io.EOF
		default:
			l.rest = fmt.Appendln(nil, l.what(l.at))
		}
		l.at++
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (*lines) Close() error { return nil }

// rows are those of a table of n rows.
func rows(t *testing.T, c *chain.Chain, n int, what func(i int) string) *table.Bound {
	t.Helper()
	bound, err := table.New("t.csv", func() (io.ReadCloser, error) { return &lines{n: n, what: what}, nil }).Bind(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func numbered(i int) string { return fmt.Sprintf("say %d", i) }

// started is a batch of n rows that nobody has run.
func started(t *testing.T, dir string, j runner.Job, n int, spec Spec) *File {
	t.Helper()
	if spec.ID == "" {
		spec.ID = "b1"
	}
	f, err := Create(t.Context(), dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), rows(t, j.Chain, n, numbered).Rows(), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Ready(t.Context(), f.Spec()); err != nil {
		t.Fatal(err)
	}
	return f
}

// results are all that is stored of a batch.
func results(t *testing.T, dir, id string) (all []Result, s Status) {
	t.Helper()
	v, err := Look(dir, id)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for r, err := range v.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if s, err = v.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all, s
}

// crash copies a batch as it lies on the disk while it is being run: what a process
// finds that comes after one that was killed now.
func crash(t *testing.T, dir, id string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.MkdirAll(filepath.Join(to, "batches"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"", "-wal"} {
		data, err := os.ReadFile(Path(dir, id) + part)
		if err == nil {
			err = os.WriteFile(Path(to, id)+part, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func fixed(n int) func() int { return func() int { return n } }
