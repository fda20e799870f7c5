package batchapi

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/testbatch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/openai"
)

// Servers misbehave, and each row has one result: its answer, or an error that says
// why there is none. Nothing is sent twice.
func TestEachRowHasOneResult(t *testing.T) {
	answers := func(n int, but map[int]string) (all []string) {
		for i, row := range rows(n) {
			text, ok := but[i+1]
			if !ok {
				text = "re " + row
			}
			all = append(all, text)
		}
		return all
	}
	line := func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		manner           testbatch.Manner
		rows             []string // nil: six
		want             []string // nil: all are answered
		uploads, creates int      // 0: one
		unpriced         int      // rows that were charged, nobody knows how much
	}{
		"as documented":                        {},
		"rate limits":                          {manner: testbatch.Manner{Limited: 3}},
		"5xx while it runs":                    {manner: testbatch.Manner{Polls: []int{500, 0, 503, 502, 429, 0}}},
		"not found just after it was made":     {manner: testbatch.Manner{Polls: []int{404, 404}}},
		"done, and no file yet":                {manner: testbatch.Manner{Unready: 3}},
		"the file is not there yet":            {manner: testbatch.Manner{NoFile: 3}},
		"in another order":                     {manner: testbatch.Manner{Shuffled: true}},
		"lines twice, and of no row":           {manner: testbatch.Manner{Twice: true}},
		"cut off, of a known length":           {manner: testbatch.Manner{Cut: 2}},
		"cut off":                              {manner: testbatch.Manner{CutQuietly: 2}},
		"cut between two lines":                {manner: testbatch.Manner{Short: 2}},
		"a row without a line":                 {manner: testbatch.Manner{Missing: 1}, want: answers(6, map[int]string{1: "bad_answer"}), unpriced: 1},
		"expired":                              {manner: testbatch.Manner{Expired: 2}, want: answers(6, map[int]string{5: "timeout", 6: "timeout"})},
		"all expired":                          {manner: testbatch.Manner{Expired: 6}, want: slices.Repeat([]string{"timeout"}, 6)},
		"rows that fail":                       {rows: []string{"say 1", "FAIL", "LIMIT", "BOOM", "say 5"}, want: []string{"re say 1", "invalid", "rate_limited", "unavailable", "re say 5"}},
		"an error file only":                   {rows: []string{"FAIL", "FAIL 2"}, want: []string{"invalid", "invalid"}},
		"refused":                              {manner: testbatch.Manner{Refused: []testbatch.Problem{{Code: "x", Message: "no such model"}}}, want: slices.Repeat([]string{"invalid"}, 6)},
		"refused for a line":                   {manner: testbatch.Manner{RefuseRow: "say 3"}, want: answers(6, map[int]string{3: "invalid"}), uploads: 2, creates: 2},
		"refused for a line of none":           {manner: testbatch.Manner{Refused: []testbatch.Problem{{Code: "x", Message: "m", Line: line(1)}}}, rows: []string{"say 1"}, want: []string{"invalid"}},
		"refused for a line that is not there": {manner: testbatch.Manner{Refused: []testbatch.Problem{{Code: "x", Message: "m", Line: line(99)}}}, want: slices.Repeat([]string{"invalid"}, 6)},
		"too many tokens wait":                 {manner: testbatch.Manner{TokenLimit: 2}, uploads: 8, creates: 8}, // of 6 rows, of 3, and of 1 each
		"an upload whose answer is lost":       {manner: testbatch.Manner{LoseUpload: 1}},
		"a batch whose answer is lost":         {manner: testbatch.Manner{LoseCreate: 1}},
		"without metadata, lost":               {manner: testbatch.Manner{LoseCreate: 1, Nameless: true}},
		"a batch whose answer is no JSON":      {manner: testbatch.Manner{Garbled: 1}},
		"answers that are gone for good":       {manner: testbatch.Manner{Gone: true}, want: slices.Repeat([]string{"bad_answer"}, 6), unpriced: 6},
		"gone, and expired":                    {manner: testbatch.Manner{Gone: true, Expired: 2}, want: slices.Repeat([]string{"bad_answer"}, 6), unpriced: 6},
		"files that may not be deleted":        {manner: testbatch.Manner{Keeps: true}},
		"all of it":                            {manner: testbatch.Manner{Limited: 2, LoseUpload: 1, LoseCreate: 1, Polls: []int{500, 0}, NoFile: 1, CutQuietly: 1, Shuffled: true, Twice: true}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.manner)
			in := tc.rows
			if in == nil {
				in = rows(6)
			}
			b.start(in...)
			if err := b.work(nil); err != nil {
				t.Fatalf("%v; said %q", err, b.said)
			}
			want := tc.want
			if want == nil {
				want = answers(6, nil)
			}
			got, s := b.results()
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if s.Left != 0 || s.Sent != 0 || s.Active != 0 {
				t.Errorf("rows are left: %+v", s)
			}
			for prompt, n := range b.server.Asked() {
				if n != 1 {
					t.Errorf("%q was accepted %d times", prompt, n)
				}
			}
			if n := b.server.Count("POST /v1/files"); n != max(1, tc.uploads) && tc.manner.Limited == 0 {
				t.Errorf("%d uploads", n)
			}
			if n := b.server.Count("POST /v1/batches"); n != max(1, tc.creates) && tc.manner.Limited == 0 {
				t.Errorf("%d batches", n)
			}
			if len(b.held) != 0 {
				t.Errorf("money is still set aside: %v", b.held)
			}
			if n := b.server.Files(); (n > 0) != tc.manner.Keeps {
				t.Errorf("%d files are left at the provider; said %q", n, b.said)
			}
			if s.Unpriced != tc.unpriced {
				t.Errorf("of %d rows it is not known what they cost, want %d", s.Unpriced, tc.unpriced)
			}
			if tc.manner.Gone && !strings.Contains(b.failure(1), "is no more at the provider, and what they cost is not known") {
				t.Error(b.failure(1))
			}
			answered := s.Done
			if usd := float64(answered) * 1100 / 1e6 / 2; s.USD < usd*0.999 || s.USD > usd*1.001 {
				t.Errorf("%d answers cost %v, want %v", answered, s.USD, usd)
			}
		})
	}
}

// Once more rows have failed than may, nothing more is sent or asked for.
func TestTooManyFailures(t *testing.T) {
	long := strings.Repeat("long ", 200)
	for name, tc := range map[string]struct {
		rows                     []string
		change                   func(*Config)
		uploads, downloads, left int
	}{
		"before anything is sent": {append([]string{long + "1", long + "2"}, rows(3)...), func(c *Config) { c.MaxBytes = 500 }, 0, 0, 3},
		"in the first part":       {[]string{"FAIL 1", "FAIL 2", "FAIL 3", "FAIL 4"}, func(c *Config) { c.MaxRows = 2 }, 2, 1, 2},
	} {
		b := newBench(t, testbatch.Manner{})
		b.start(tc.rows...)
		err := b.work(func(c *Config) {
			c.MaxErrors = 1
			tc.change(c)
		})
		var many *batch.TooManyError
		if !errors.As(err, &many) || many.Failed != 2 {
			t.Errorf("%s: %v", name, err)
		}
		if up, down := b.server.Count("POST /v1/files"), b.server.Count("GET /v1/files/"); up != tc.uploads || down != tc.downloads {
			t.Errorf("%s: %d uploads, %d downloads", name, up, down)
		}
		if _, s := b.results(); s.Failed != 2 || s.Left+s.Sent != tc.left {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestPartsAreNoLargerThanTheProviderTakes(t *testing.T) {
	b := newBench(t, testbatch.Manner{})
	b.start(rows(7)...)
	if err := b.work(func(c *Config) { c.MaxRows = 3 }); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.results(); len(got) != 7 || b.server.Count("POST /v1/batches") != 3 {
		t.Errorf("%d batches: %q", b.server.Count("POST /v1/batches"), got)
	}
	b = newBench(t, testbatch.Manner{})
	b.start("say 1", strings.Repeat("long ", 100), "say 3")
	if err := b.work(func(c *Config) { c.MaxBytes = 300 }); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.results(); !slices.Equal(got, []string{"re say 1", "invalid", "re say 3"}) {
		t.Errorf("%q", got)
	}
}

// A budget with room for some rows sends those, and the others when there is room again.
func TestABudgetIsHeldAhead(t *testing.T) {
	b := newBench(t, testbatch.Manner{Polls: []int{0}})
	b.budget = 2 // each row can cost 1
	b.start(rows(5)...)
	if err := b.work(nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.results(); len(got) != 5 || b.server.Count("POST /v1/batches") != 3 {
		t.Errorf("%d batches: %q", b.server.Count("POST /v1/batches"), got)
	}
	b = newBench(t, testbatch.Manner{})
	b.budget = 0.5
	b.start(rows(2)...)
	err := b.work(nil)
	var over *ledger.Over
	if !errors.As(err, &over) || b.server.Count("POST") != 0 {
		t.Errorf("%v after %v", err, b.server.Calls())
	}
}

// What was held for a part that is not stored after all is let go.
func TestAPartThatIsNotStoredHoldsNothing(t *testing.T) {
	b := newBench(t, testbatch.Manner{})
	b.start(rows(2)...)
	c, done := b.open()
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hold, held := c.Hold, 0
	c.Hold = func(ctx context.Context, key string, usd float64) error {
		err := hold(ctx, key, usd)
		held = len(b.held)
		cancel()
		return err
	}
	if err := Work(ctx, c); !errors.Is(err, context.Canceled) || held != 1 || len(b.held) != 0 {
		t.Errorf("%v, held %d and then %v", err, held, b.held)
	}
	if _, s := b.results(); s.Left != 2 || s.Sent != 0 {
		t.Errorf("%+v", s)
	}
}

// Stop leaves what was sent, and another process collects it.
func TestStopAndContinue(t *testing.T) {
	b := newBench(t, testbatch.Manner{Polls: slices.Repeat([]int{0}, 50)})
	b.start(rows(4)...)
	stop := make(chan struct{})
	c, done := b.open()
	c.Stop = stop
	c.Wait = func(ctx context.Context, _ time.Duration) {
		if b.waits++; b.waits == 2 {
			close(stop)
			<-ctx.Done()
		}
	}
	err := Work(t.Context(), c)
	done()
	if _, s := b.results(); err != nil || s.Sent != 4 || s.Done != 0 {
		t.Fatalf("%v: %+v", err, s)
	}
	b.server.Behave(testbatch.Manner{})
	if err := b.work(nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.results(); len(got) != 4 || b.server.Count("POST /v1/batches") != 1 {
		t.Errorf("%q", got)
	}
}

// What was cancelled here is collected as far as it was answered, and the rest sent
// when the batch continues. What somebody cancels at the provider stops the batch.
func TestCancel(t *testing.T) {
	b := newBench(t, testbatch.Manner{Polls: slices.Repeat([]int{0}, 9)})
	b.start(rows(4)...)
	c, done := b.open()
	stop := make(chan struct{})
	c.Stop = stop
	c.Wait = func(ctx context.Context, _ time.Duration) { close(stop); <-ctx.Done() }
	err := Work(t.Context(), c)
	if err == nil {
		c.Stop = nil
		c.Wait = nil
		_, err = Cancel(t.Context(), c)
	}
	done()
	if err != nil || b.server.Count("POST /v1/batches/batch_1/cancel") != 1 {
		t.Fatalf("%v: %v", err, b.server.Calls())
	}
	b.server.Behave(testbatch.Manner{})
	if err := b.work(nil); err != nil {
		t.Fatal(err)
	}
	got, s := b.results()
	if len(got) != 4 || s.Failed != 0 || b.server.Count("POST /v1/files") != 2 {
		t.Errorf("%q after %v", got, b.server.Calls())
	}

	b = newBench(t, testbatch.Manner{Polls: []int{0, 0}})
	b.start(rows(4)...)
	b.onWait = func(n int) {
		if n == 1 {
			b.server.Cancel()
		}
	}
	var cancelled *CancelledError
	if err := b.work(nil); !errors.As(err, &cancelled) {
		t.Fatalf("got %v", err)
	}
	if _, s := b.results(); s.Done != 2 || s.Left != 2 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	if err := b.work(nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.results(); len(got) != 4 {
		t.Errorf("%q", got)
	}
}

func TestAServerWithoutABatchAPI(t *testing.T) {
	b := newBench(t, testbatch.Manner{None: true})
	b.start(rows(2)...)
	err := b.work(nil)
	if provider.KindOf(err) != provider.Unsupported || !strings.Contains(err.Error(), "no Batch API") || b.server.Count("POST") != 0 {
		t.Errorf("%v after %v", err, b.server.Calls())
	}
}

// A part that was stored and not uploaded is taken up: where its rows ask nothing any
// more, they have ended, and where no budget is left, the part stays for another time.
func TestAPartWithNothingToAskIsTakenUp(t *testing.T) {
	killed := func() *bench {
		b := newBench(t, testbatch.Manner{})
		b.start(rows(3)...)
		c, done := b.open()
		defer done()
		c.API = &killed{API: c.API, left: 1, before: true}
		func() {
			defer func() { _ = recover() }()
			_ = Work(t.Context(), c)
		}()
		if _, s := b.results(); s.Sent != 3 || len(b.held) != 1 {
			t.Fatalf("%+v, held %v", s, b.held)
		}
		return b
	}
	b := killed()
	err := b.work(func(c *Config) {
		c.Ask = func(context.Context, batch.Item) batch.Reply {
			return batch.Reply{Result: runner.Result{OK: true, Answer: "kept"}}
		}
	})
	got, s := b.results()
	if err != nil || !slices.Equal(got, []string{"kept", "kept", "kept"}) || s.Sent != 0 || len(b.held) != 0 || b.server.Count("POST") != 0 {
		t.Errorf("%v: %q, %+v, held %v after %v", err, got, s, b.held, b.server.Calls())
	}

	b = killed()
	err = b.work(func(c *Config) {
		c.Ask = func(context.Context, batch.Item) batch.Reply {
			return batch.Reply{Err: &provider.Error{Kind: provider.OverBudget, Err: &ledger.Over{}}}
		}
	})
	if _, s := b.results(); provider.KindOf(err) != provider.OverBudget || s.Sent != 3 || s.Failed != 0 || b.server.Count("POST") != 0 {
		t.Errorf("%v: %+v after %v", err, s, b.server.Calls())
	}
	if err := b.work(nil); err != nil {
		t.Fatal(err)
	}
	if got, s := b.results(); len(got) != 3 || s.Done != 3 || len(b.held) != 0 {
		t.Errorf("%q, %+v, held %v", got, s, b.held)
	}
}

// Lists that never come end, as the provider's timeouts.
func TestAListThatNeverComes(t *testing.T) {
	w := newWorker(Config{API: silent{}, Provider: "paid"})
	for name, call := range map[string]func(context.Context) error{
		"batches, checked": func(ctx context.Context) error { return Check(ctx, w.API) },
		"batches":          func(ctx context.Context) error { _, err := w.find(ctx, &batch.Part{}); return err },
		"files":            func(ctx context.Context) error { return w.upload(ctx, &batch.Part{}, nil, true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := call(t.Context()); provider.KindOf(err) != provider.Timeout || !mayPass(err) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// silent is an API that never answers.
type silent struct{ API }

func (silent) Uploads(ctx context.Context) (map[string]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) Jobs(ctx context.Context) iter.Seq2[openai.BatchJob, error] {
	return func(yield func(openai.BatchJob, error) bool) {
		<-ctx.Done()
		yield(openai.BatchJob{}, ctx.Err())
	}
}
