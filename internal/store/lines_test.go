package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// linesOf are the runs that a filter chooses.
func linesOf(t *testing.T, s *Store, f Filter) (out []Line, err error) {
	t.Helper()
	for l, err := range s.Lines(t.Context(), f) {
		if err != nil {
			return out, err
		}
		out = append(out, l)
	}
	return out, nil
}

// aLog is a log of some runs, each a call an hour after the one before.
func aLog(t *testing.T) (w *Writer, began time.Time) {
	t.Helper()
	w, began = writer(t), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		run, provider, model string
		finish               provider.Finish
		failed               provider.Kind
		tried                []provider.Attempt
		usd                  *float64
		answer               string
	}{
		{run: "a", provider: "local", model: "qwen3:8b", finish: provider.FinishStop, usd: provider.Ptr(0.0), answer: "Ganges"},
		{run: "b", provider: "local", model: "Qwen3:latest", finish: provider.FinishLength, usd: provider.Ptr(0.0)},
		{run: "c", provider: "openai", model: "gpt-4o", finish: provider.FinishStop, usd: provider.Ptr(0.25), answer: "the Ganges river"},
		{run: "c", provider: "local", model: "qwen3:8b", finish: provider.FinishStop, usd: provider.Ptr(0.0)},
		{run: "d", provider: "router", model: "openai/gpt-4o", finish: provider.FinishStop, usd: provider.Ptr(0.1)},
		{run: "e", failed: provider.Unavailable, tried: []provider.Attempt{
			{Provider: "local", Model: "qwen3:8b", Outcome: provider.OutcomeFailed}, {Provider: "openai", Model: "gpt-4o", Outcome: provider.OutcomeSkipped},
		}},
		{run: "f", failed: provider.Truncated, finish: "", provider: "openai", model: "gpt-4o", answer: "half"},
		{run: "g", failed: provider.Denied, tried: []provider.Attempt{{Provider: "openai", Outcome: provider.OutcomeFailed}}},
		{run: "h", provider: "local", model: "qwen3-coder:30b", finish: provider.FinishStop, failed: ""},
	} {
		call := anyCall(c.run)
		call.Began, call.Finish, call.Answer = began.Add(time.Duration(i)*time.Hour), c.finish, c.answer
		call.Route = &provider.Route{Provider: c.provider, Model: c.model}
		if c.failed != "" {
			call.Error = &Failure{Kind: string(c.failed), Attempts: c.tried}
		}
		w.add(record{call: call, run: Run{ID: c.run, Began: call.Began}})
		if c.usd != nil || c.run == "f" {
			w.entry(ledger.Entry{Run: c.run, Provider: c.provider, Model: c.model, Began: call.Began, Cost: provider.Cost{USD: c.usd}})
		}
	}
	w.Flush()
	return w, began
}

// TestBusyTime: calls beside each other count once, and what was between calls does not.
func TestBusyTime(t *testing.T) {
	for _, c := range []struct {
		name      string
		starts    []time.Duration
		sum, busy time.Duration
	}{
		{"one", []time.Duration{0}, 2 * time.Second, 2 * time.Second},
		{"beside each other", []time.Duration{0, 0, time.Second}, 6 * time.Second, 3 * time.Second},
		{"a pause between", []time.Duration{0, time.Hour}, 4 * time.Second, 4 * time.Second},
	} {
		w := writer(t)
		for _, at := range c.starts {
			call := anyCall("run")
			call.Began, call.Took = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(at), 2*time.Second
			w.add(record{call: call, run: Run{ID: "run", Began: call.Began}})
		}
		w.Flush()
		found, err := linesOf(t, w.Store(), Filter{})
		if err != nil || len(found) != 1 || found[0].Took != c.sum || found[0].Busy != c.busy {
			t.Errorf("%s: %+v, %v", c.name, found, err)
		}
	}
}

// TestLineCountsFailedCalls: the last call of a batch does not hide that rows before it
// failed.
func TestLineCountsFailedCalls(t *testing.T) {
	w := writer(t)
	for i, kind := range []provider.Kind{"", provider.Invalid, provider.Denied, ""} {
		call := anyCall("batch")
		call.Began = time.Date(2026, 11, 1, i, 0, 0, 0, time.UTC)
		if kind != "" {
			call.Finish, call.Error = "", &Failure{Kind: string(kind)}
		}
		w.add(record{call: call, run: Run{ID: "batch", Began: call.Began}})
	}
	w.Flush()
	got, err := linesOf(t, w.store, Filter{})
	if err != nil || len(got) != 1 || got[0].Calls != 4 || got[0].Failures != 2 || got[0].Failed != "denied" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLineOfAFailedMessage: a run whose last call failed is still answered by whoever
// answered before, and its prompt is what the user wrote.
func TestLineOfAFailedMessage(t *testing.T) {
	w := writer(t)
	for i, c := range []struct{ provider, failed string }{{"local", ""}, {"openai", ""}, {"", string(provider.Denied)}} {
		call := anyCall("chat")
		call.Began = time.Date(2026, 11, 1, i, 0, 0, 0, time.UTC)
		call.Asked = &provider.Request{Messages: []provider.Message{provider.System("Be terse."), provider.User("Why is the sky blue?")}}
		call.Route, call.Error = nil, nil
		if c.provider != "" {
			call.Route = &provider.Route{Provider: c.provider, Model: "m"}
		} else {
			call.Finish, call.Answer, call.Error = "", "", &Failure{Kind: c.failed}
		}
		w.add(record{call: call, run: Run{ID: "chat", Began: call.Began}})
	}
	w.Flush()
	found, err := linesOf(t, w.store, Filter{})
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%d runs, want 1", len(found))
	}
	for _, l := range found {
		if l.Provider != "openai" || l.Model != "m" || l.Failed != "denied" || l.Finish != "" {
			t.Errorf("answered by %q %q, failed %q, finish %q; want openai m, denied and no finish", l.Provider, l.Model, l.Failed, l.Finish)
		}
		if !strings.HasPrefix(l.Prompt, "Why is the sky blue?") || !strings.Contains(l.Prompt, "Be terse.") {
			t.Errorf("prompt %q; want the user's words first", l.Prompt)
		}
	}
}

func TestFilters(t *testing.T) {
	w, began := aLog(t)
	at := func(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }
	for name, c := range map[string]struct {
		f    Filter
		want string // ids, newest first
	}{
		"all":                          {Filter{}, "hgfedcba"},
		"the newest":                   {Filter{Limit: 2}, "hg"},
		"since, that moment too":       {Filter{Since: at(6)}, "hgf"},
		"until, that moment not":       {Filter{Until: at(2)}, "ba"},
		"between":                      {Filter{Since: at(1), Until: at(3)}, "cb"},
		"between, the newest":          {Filter{Since: at(1), Until: at(6), Limit: 1}, "e"},
		"model":                        {Filter{Model: "gpt-4o"}, "fc"},
		"model, tried and failed":      {Filter{Model: "qwen3:8b"}, "eca"},
		"model, any tag":               {Filter{Model: "qwen3"}, "ecba"},
		"model, any case":              {Filter{Model: "QWEN3:LATEST"}, "b"},
		"provider/model":               {Filter{Model: "local/qwen3:8b"}, "eca"},
		"provider/model, any tag":      {Filter{Model: "local/qwen3"}, "ecba"},
		"a model with a slash":         {Filter{Model: "openai/gpt-4o"}, "fdc"},
		"a provider as model":          {Filter{Model: "openai"}, "gfc"},
		"a part of a name":             {Filter{Model: "qwen"}, ""},
		"wildcards are none":           {Filter{Model: "%"}, ""},
		"underscores are none":         {Filter{Model: "qwen_"}, ""},
		"quotes":                       {Filter{Model: "' OR 1=1 --"}, ""},
		"provider":                     {Filter{Providers: []string{"openai"}}, "gfc"},
		"providers":                    {Filter{Providers: []string{"openai", "router"}}, "gfdc"},
		"provider and model, one call": {Filter{Providers: []string{"openai"}, Model: "qwen3"}, ""},
		"cost":                         {Filter{MinUSD: 0.1}, "dc"},
		"more":                         {Filter{MinUSD: 0.100000001}, "c"},
		"ok":                           {Filter{Status: StatusOK}, "hdca"},
		"cut":                          {Filter{Status: StatusCut}, "b"},
		"failed":                       {Filter{Status: StatusFailed}, "gfe"},
		"a kind":                       {Filter{Status: Status(provider.Denied)}, "g"},
		"failed at a model":            {Filter{Status: StatusFailed, Model: "gpt-4o"}, "f"},
		"words":                        {Filter{Words: "ganges"}, "ca"},
		"words of a model":             {Filter{Words: "ganges", Model: "gpt-4o"}, "c"},
		"parts of words, since":        {Filter{Words: "ange", Since: at(1)}, "c"},
		"words, the newest":            {Filter{Words: "ganges", Limit: 1}, "c"},
	} {
		found, err := linesOf(t, w.store, c.f)
		got := ""
		for _, l := range found {
			got += l.ID
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

// A line has what its calls cost, and how many of them that leaves out.
func TestALineSaysWhatTheRunCost(t *testing.T) {
	w, _ := aLog(t)
	found, err := linesOf(t, w.store, Filter{})
	must(t, err)
	got := ""
	for _, l := range found {
		usd := "-"
		if l.USD != nil {
			usd = fmt.Sprint(*l.USD)
		}
		got += fmt.Sprintf("%s:%d:%s:%d:%s ", l.ID, l.Calls, usd, l.Unpriced, l.Failed)
	}
	if want := "h:1:-:0: g:1:-:0:denied f:1:-:1:truncated e:1:-:0:unavailable d:1:0.1:0: c:2:0.25:0: b:1:0:0: a:1:0:0: "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// The error of a line is that of the last call that failed.
func TestALineHasItsLastError(t *testing.T) {
	w := writer(t)
	for _, kind := range []provider.Kind{provider.Unavailable, provider.Denied, ""} {
		c := anyCall("r")
		if kind != "" {
			c.Finish, c.Error = "", &Failure{Kind: string(kind)}
		}
		w.add(record{call: c, run: Run{ID: "r", Began: c.Began}})
	}
	w.Flush()
	if found, err := linesOf(t, w.store, Filter{}); err != nil || len(found) != 1 || found[0].Failed != string(provider.Denied) {
		t.Errorf("%+v, %v", found, err)
	}
}

// However many runs there are, a list holds one at a time: SQLite sorts and
// groups nothing, and looks nothing up without an index.
func TestALongListTakesNoMemory(t *testing.T) {
	w, began := aLog(t)
	db, err := w.store.open(t.Context())
	must(t, err)
	for _, f := range []Filter{
		{}, {Model: "m"}, {Providers: []string{"p"}, Model: "m"}, {Since: began}, {Since: began, Until: began}, {MinUSD: 1}, {Status: StatusFailed}, {Status: "denied"},
	} {
		where, args := f.conditions()
		for _, step := range planOf(t, db, fmt.Sprintf(lines, where), append(args, -1)...) {
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN calls") || strings.HasPrefix(step, "SCAN ledger") {
				t.Errorf("%+v: %s", f, step)
			}
		}
	}
}

// A consumer that has seen enough leaves nothing open: the file can be used.
func TestAListThatIsLeft(t *testing.T) {
	w, _ := aLog(t)
	for range w.store.Lines(t.Context(), Filter{}) {
		break
	}
	for range w.store.Lines(t.Context(), Filter{Words: "ganges"}) {
		break
	}
	if found, err := linesOf(t, w.store, Filter{}); err != nil || len(found) != 8 {
		t.Errorf("%d, %v", len(found), err)
	}
}
