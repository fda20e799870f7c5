package router_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

var update = flag.Bool("update", false, "write docs/failures.md anew")

// seen is what a reader sees of a row, in one dialect, streamed or not.
type seen struct {
	kind   provider.Kind // "": an answer
	tries  int
	waits  []time.Duration // the most that is waited before each retry
	next   bool            // with another target, that one answers
	part   string          // what the reader has of the answer
	sent   bool            // the prompt may have gone there
	says   string          // the error's and the Route's words
	finish provider.Finish
}

// TestFailures plays everything that can go wrong, on real sockets, and writes
// docs/failures.md with -update.
func TestFailures(t *testing.T) {
	var page strings.Builder
	page.WriteString(preface)
	falseSuccesses, glued := 0, 0
	for _, g := range matrix() {
		fmt.Fprintf(&page, "\n## %s\n\n| what happens | Kind | retries | fallback | shown | sent | what the error and the Route say |\n|---|---|---|---|---|---|---|\n", g.title)
		for _, r := range g.rows {
			var all []observed
			for _, dialect := range []string{ollamaAPI, openaiAPI} {
				for _, stream := range []bool{true, false} {
					if r.only != "" && r.only != dialect {
						continue
					}
					o := observed{dialect: dialect, stream: stream}
					t.Run(r.name+", "+o.label(), func(t *testing.T) {
						alone, answered := r.alone(t, o)
						o.seen = alone
						if answered == (r.kind != "") {
							falseSuccesses++
							t.Errorf("a false success, or a false failure: %+v", alone)
						}
						if want := r.want(o); alone.kind != want {
							t.Errorf("Kind %q, want %q: %s", alone.kind, want, alone.says)
						}
						if r.fallBack(t, &o) {
							glued++
						}
						all = append(all, o)
					})
				}
			}
			writeRow(&page, r.name, all)
		}
	}
	if falseSuccesses > 0 || glued > 0 {
		t.Errorf("%d false successes, %d glued answers; want none of either", falseSuccesses, glued)
	}
	page.WriteString(hostsTable(t))
	page.WriteString(kindsTable(t))
	page.WriteString(decisions)
	checkPage(t, page.String())
}

func checkPage(t *testing.T, page string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "failures.md")
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page {
		want, got := strings.Split(string(have), "\n"), strings.Split(page, "\n")
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Errorf("docs/failures.md, line %d, is\n%s\nand the test sees\n%s", i+1, want[i], got[i])
			}
		}
		t.Error("docs/failures.md is not what the test sees: look at it, and write it with `go test ./provider/router -run TestFailures -update`")
	}
}

// observed is a row as seen in one way.
type observed struct {
	dialect string
	stream  bool
	seen
}

func (o observed) label() string {
	return o.dialect + map[bool]string{true: " stream", false: " whole"}[o.stream]
}

// want is the Kind that a row has in one way: the most particular word counts.
func (r row) want(o observed) provider.Kind {
	mode := strings.TrimPrefix(o.label(), o.dialect+" ")
	for _, key := range []string{o.label(), o.dialect, mode} {
		if k, ok := r.or[key]; ok {
			return k
		}
	}
	return r.kind
}

// first is the target that fails.
func (r row) first(t *testing.T, o observed) (router.Target, *server) {
	t.Helper()
	var url string
	var s *server
	if r.at != nil {
		url = r.at(t)
	} else {
		s = newServer(t, o.dialect, r.play)
		url = s.URL
	}
	return router.Target{Provider: adapter(t, "first", o.dialect, url, r.o), Paid: o.dialect == openaiAPI}, s
}

// waiter is a clock that does not wait, and remembers how long it would have.
type waiter struct {
	mu    sync.Mutex
	waits []time.Duration
}

func (w *waiter) clock() router.Clock {
	return router.Clock{
		Jitter: func(most time.Duration) time.Duration { return most },
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.waits = append(w.waits, d)
			return ctx.Err()
		},
	}
}

func (r row) request(o observed) provider.Request {
	req := provider.Request{NoStream: !o.stream, Messages: []provider.Message{provider.User("Say hello.")}}
	if r.req != nil {
		r.req(&req)
	}
	return req
}

// alone is what is seen when there is no other target.
func (r row) alone(t *testing.T, o observed) (seen, bool) {
	t.Helper()
	first, server := r.first(t, o)
	w := &waiter{}
	rt := mustRouter(t, router.Config{Use: []string{"first"}, Targets: []router.Target{first}, Clock: w.clock()})
	got, err := provider.Collect(rt.Chat(t.Context(), r.request(o)))
	v := seen{kind: provider.KindOf(err), waits: w.waits, part: got.Text, finish: got.Finish}
	var attempts []provider.Attempt
	if err == nil {
		attempts, v.says = got.Route.Attempts, got.Route.Reason
	} else {
		var f *router.Failure
		if !errors.As(err, &f) {
			t.Fatalf("%v does not tell the attempts", err)
		}
		attempts, v.says = f.Attempts, f.Attempts[0].Reason
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
	a := attempts[len(attempts)-1]
	v.tries, v.sent = a.Tries, a.SentTo != ""
	if server != nil && int(server.hits.Load()) != a.Tries {
		t.Errorf("the server was asked %d times, and the attempt says %d", server.hits.Load(), a.Tries)
	}
	if v.sent != (r.at == nil) {
		t.Errorf("sent to %q", a.SentTo)
	}
	want := ""
	if o.stream || r.kind == "" {
		want = r.part
	}
	if err != nil && got.Text != want {
		t.Errorf("the reader has %q, want %q", got.Text, want)
	}
	return v, err == nil
}

// fallBack asks with a second target behind the first, and reports whether
// their answers were glued together.
func (r row) fallBack(t *testing.T, o *observed) (glued bool) {
	t.Helper()
	first, _ := r.first(t, *o)
	good := `{"from": "the second"}`
	second := newServer(t, openaiAPI, func(s *speaker) { s.answer("stop", good) })
	rt := mustRouter(t, router.Config{
		Use: []string{"first", "second"}, Clock: (&waiter{}).clock(),
		Targets: []router.Target{first, {Provider: adapter(t, "second", openaiAPI, second.URL, r.o)}},
	})
	got, err := provider.Collect(rt.Chat(t.Context(), r.request(*o)))
	o.next = err == nil && got.Route.Provider == "second"
	switch {
	case o.next:
		if rs, a := got.Route.Reason, got.Route.Attempts[0]; rs != "fallback: first: "+a.Reason && !strings.HasPrefix(rs, "fallback: first: "+a.Kind.Error()+" (") ||
			!strings.HasSuffix(rs, a.Reason) || strings.Contains(rs, "\n") {
			t.Errorf("the route's reason is %q", rs)
		}
		glued = got.Text != good
	case err == nil:
		glued = got.Text != o.part
	default:
		glued = got.Text != o.part || second.hits.Load() > 0
	}
	if glued {
		t.Errorf("glued: %q, %v; the second was asked %d times", got.Text, err, second.hits.Load())
	}
	if (second.hits.Load() == 1) != o.next {
		t.Errorf("the second was asked %d times", second.hits.Load())
	}
	return glued
}

func mustRouter(t testing.TB, cfg router.Config) *router.Router {
	t.Helper()
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// writeRow writes a line for all ways that look the same.
func writeRow(page *strings.Builder, name string, all []observed) {
	lines := make([]string, len(all))
	for i, o := range all {
		lines[i] = o.cells()
	}
	for i, line := range lines {
		if slices.Index(lines, line) != i {
			continue
		}
		fmt.Fprintf(page, "| %s%s | %s |\n", name, which(all, lines, line), line)
	}
}

// which says for which of all ways a line stands, if not for all.
func which(all []observed, lines []string, line string) string {
	var labels []string
	for i, o := range all {
		if lines[i] == line {
			labels = append(labels, o.label())
		}
	}
	if len(labels) == len(all) {
		return ""
	}
	for _, common := range []string{ollamaAPI, openaiAPI, "stream", "whole"} {
		n := 0
		for _, o := range all {
			if strings.Contains(o.label(), common) {
				n++
			}
		}
		in := func(l string) bool { return strings.Contains(l, common) }
		if n == len(labels) && !slices.ContainsFunc(labels, func(l string) bool { return !in(l) }) {
			return " (" + common + ")"
		}
	}
	return " (" + strings.Join(labels, ", ") + ")"
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// cells are the cells of a line but the first.
func (o observed) cells() string {
	kind, again, next, part, sent := "none", "no", "no", "nothing", "yes"
	if o.kind != "" {
		kind = "`" + string(o.kind) + "`"
	}
	if n := o.tries - 1; n > 0 {
		again = map[int]string{1: "once", 2: "twice"}[n]
		if len(o.waits) > 0 {
			again += ", within " + waits(o.waits)
		} else {
			again += ", to mend its answer"
		}
	}
	if o.next {
		next = "yes"
	}
	if o.part != "" {
		part = fmt.Sprintf("%q", o.part)
		if o.kind != "" {
			part += ", and the error"
		}
	}
	if o.finish == provider.FinishLength {
		part += ", finish `length`"
	}
	if !o.sent {
		sent = "no"
	}
	says := address.ReplaceAllString(o.says, "HOST")
	return strings.Join([]string{kind, again, next, part, sent, strings.ReplaceAll(says, "|", "\\|")}, " | ")
}

func waits(all []time.Duration) string {
	parts := make([]string, len(all))
	for i, d := range all {
		switch {
		case d < 10*time.Second:
			parts[i] = d.Round(10 * time.Millisecond).String()
		default: // of a date, which has no fractions
			parts[i] = "about " + d.Round(10*time.Second).String()
		}
	}
	return strings.Join(parts, " and ")
}
