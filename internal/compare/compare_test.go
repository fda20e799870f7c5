package compare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

func TestVariantsAreNamedByWhatVaries(t *testing.T) {
	local, openai := Target{"local", []string{"local"}, ""}, Target{"openai/gpt-4o", []string{"openai"}, "gpt-4o"}
	for _, tt := range []struct {
		axes Axes
		want string
	}{
		{Axes{Chains: []string{"a.yaml"}}, "configured"},
		{Axes{Targets: []Target{local, openai}, Chains: []string{"a.yaml"}}, "local,openai/gpt-4o"},
		{Axes{Targets: []Target{local}, Chains: []string{"a.yaml"}, Temperatures: []float64{0.5}}, "local"},
		{Axes{Targets: []Target{local}, Chains: []string{"a.yaml"}, Temperatures: []float64{0, 0.7}}, "temperature=0,temperature=0.7"},
		{Axes{Targets: []Target{local, openai}, Chains: []string{"x/a.yaml", "x/b.yaml"}}, "local a.yaml,local b.yaml,openai/gpt-4o a.yaml,openai/gpt-4o b.yaml"},
		{Axes{Chains: []string{"v1/a.yaml", "v2/a.yaml", "v2/b.yaml"}}, "v1/a.yaml,v2/a.yaml,b.yaml"},
		{Axes{Chains: []string{"a.yaml", "x/a.yaml", `y\a.yaml`}}, "a.yaml,x/a.yaml,y/a.yaml"},
		{Axes{Models: []string{"q:4b", "q:8b"}, Chains: []string{"a"}, NumCtx: []int{2048, 4096}}, "q:4b num_ctx=2048,q:4b num_ctx=4096,q:8b num_ctx=2048,q:8b num_ctx=4096"},
		{Axes{Targets: []Target{local}, Chains: []string{"a.yaml"}, Seeds: []int64{1, 2}, Noise: true}, "seed=1,seed=2,seed=1 (again)"},
	} {
		got, err := tt.axes.Variants()
		var names []string
		for _, v := range got {
			names = append(names, v.Name)
		}
		if err != nil || strings.Join(names, ",") != tt.want {
			t.Errorf("%v, %v; want %s", names, err, tt.want)
		}
	}
	for _, axes := range []Axes{
		{Targets: []Target{local, local}, Chains: []string{"a"}},
		{Targets: []Target{local}, Chains: []string{"x/a", "x/a"}},
		{Seeds: make([]int64, MaxVariants+1), Chains: []string{"a"}},
	} {
		if _, err := axes.Variants(); err == nil {
			t.Errorf("%+v is accepted", axes)
		}
	}
}

// request is a provider that keeps what it was asked.
type request struct{ last provider.Request }

func (*request) Name() string                                     { return "r" }
func (*request) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (r *request) Chat(_ context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	r.last = req
	return func(func(provider.Chunk, error) bool) {}
}

func TestAVariantReplacesWhatAStepSays(t *testing.T) {
	p := Plan{Repeats: 2, Variants: []Variant{
		{Use: []string{"local"}, Model: "m", Temperature: provider.Ptr(0.0), NumCtx: provider.Ptr(4096), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(5), TopP: provider.Ptr(0.5)},
		{},
		{Noise: true},
	}}
	inner := &request{}
	step := provider.Request{Use: []string{"openai"}, Model: "gpt", Temperature: provider.Ptr(1.0), Options: provider.Options{"top_k": 1}, Privacy: provider.PrivacyLocal}
	for range p.Ask(inner, 0, 1).Chat(t.Context(), step) {
	}
	got := inner.last
	if got.Use[0] != "local" || got.Model != "m" || *got.Temperature != 0 || *got.Seed != 8 || got.Options["num_ctx"] != 4096 || got.Options["top_k"] != 1 || *got.MaxTokens != 5 || *got.TopP != 0.5 {
		t.Errorf("%+v", got)
	}
	if got.Privacy != provider.PrivacyLocal {
		t.Error("a variant makes a prompt that must stay leave")
	}
	if _, changed := step.Options["num_ctx"]; changed {
		t.Error("the step's own options were changed")
	}
	for range p.Ask(inner, 1, 0).Chat(t.Context(), step) {
	}
	if inner.last.Model != "gpt" || inner.last.Seed != nil {
		t.Errorf("a variant that sets nothing changes %+v", inner.last)
	}
	// A cache or a recording would answer equal requests with one answer.
	seeds := map[string]bool{}
	for _, at := range [][2]int{{1, 0}, {1, 1}, {2, 0}, {2, 1}} {
		seeds[fmt.Sprint(p.seed(at[0], at[1]) == nil)+fmt.Sprint(textOf(p.Request(step, at[0], at[1]).Seed))] = true
	}
	if len(seeds) != 4 {
		t.Errorf("two runs ask the same: %d requests of 4", len(seeds))
	}
}

// setOf compiles checks.
func setOf(t *testing.T, text string) *check.Set {
	t.Helper()
	set, err := check.Parse("c.yaml", []byte(text), check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// dataOf is a comparison of variants a and b, whose answers are given for each row;
// "" is one that failed at the server, "!" one that the model spoiled.
func dataOf(t *testing.T, checks string, plan Plan, rows ...[2]string) *Data {
	t.Helper()
	if plan.Variants == nil {
		plan.Variants = []Variant{{Name: "a"}, {Name: "b"}}
	}
	plan.Level, plan.Repeats = 0.95, 1
	d := &Data{Plan: plan, Checks: setOf(t, checks)}
	for i, answers := range rows {
		for v := range plan.Variants {
			r := batch.Result{Result: runner.Result{OK: true, Answer: answers[min(v, 1)]}, Provider: "p", Model: "m", Took: time.Second, USD: provider.Ptr(0.5), Input: 3, Output: 2}
			switch r.Result.Answer {
			case "":
				r.Result.OK, r.Result.Error = false, &runner.Error{Kind: string(provider.Unavailable), Message: "no server"}
			case "!":
				r.Result.OK, r.Result.Error = false, &runner.Error{Kind: string(provider.BadAnswer), Message: "not JSON"}
			}
			d.Add(i+1, i+1, v, 0, map[string]any{"q": fmt.Sprintf("question %d", i+1), "doc": fmt.Sprint(i / 2)}, &r)
		}
	}
	if err := d.Score(t.Context(), Scoring{}); err != nil {
		t.Fatal(err)
	}
	return d
}

// times repeats a row.
func times(n int, a, b string) [][2]string {
	out := make([][2]string, n)
	for i := range out {
		out[i] = [2]string{a, b}
	}
	return out
}

func analysed(t *testing.T, d *Data) *Report {
	t.Helper()
	r, err := Analyse(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const isYes = "checks:\n  - equals: yes\n"

func TestTheVerdictInWords(t *testing.T) {
	join := func(parts ...[][2]string) (out [][2]string) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	for _, tt := range []struct {
		name string
		plan Plan
		rows [][2]string
		want string
	}{
		{"better", Plan{}, join(times(30, "no", "yes"), times(30, "yes", "yes")), "b is better than a by 50.0 points (95 % interval +37"},
		{"worse", Plan{}, join(times(30, "yes", "no"), times(30, "yes", "yes")), "b is worse than a by 50.0 points (95 % interval −6"},
		{"undecided", Plan{}, join(times(6, "yes", "no"), times(5, "no", "yes"), times(30, "yes", "yes")), "Nothing is decided between b and a: the difference is −2.4 points, and could be anything from −"},
		{"equivalent", Plan{Margin: 0.1}, times(100, "yes", "yes"), "b is as good as a: they differ by less than the margin of 10.0 points"},
		{"not worse", Plan{Margin: 0.1}, join(times(8, "no", "yes"), times(4, "yes", "no"), times(100, "yes", "yes")), "b is not worse than a by the margin of 10.0 points or more"},
		{"too few", Plan{}, times(4, "yes", "no"), "Nothing is decided between b and a: 4 rows are too few for an interval, which takes at least 10 rows."},
		{"too few clusters", Plan{Cluster: "doc"}, times(18, "yes", "no"), "Nothing is decided between b and a: 18 rows in 9 clusters are too few for an interval, which takes at least 10 clusters."},
		{"clusters", Plan{Cluster: "doc"}, times(40, "no", "yes"), "40 rows in 20 clusters)."},
		{"no score", Plan{}, times(12, "", "yes"), "b and a cannot be compared: no row has a score in both."},
		{"one target", Plan{Variants: []Variant{{Name: "only"}}}, times(20, "yes", ""), "only scores 100.0 % on 20 rows (95 % interval 83.9 % to 100.0 %)."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := analysed(t, dataOf(t, isYes, tt.plan, tt.rows...))
			if got := strings.Join(r.Headline(), " "); !strings.Contains(got, tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// What a server did is not held against a model, and what a model did is.
func TestFailuresThatCountAndThatDoNot(t *testing.T) {
	rows := append(times(20, "yes", "yes"), [2]string{"yes", ""}, [2]string{"", "yes"}, [2]string{"yes", "!"})
	r := analysed(t, dataOf(t, isYes, Plan{}, rows...))
	p := r.Pairs[0]
	if p.N != 21 || p.LeftOut != 2 || p.Worse != 1 || p.Better != 0 {
		t.Errorf("%+v", p)
	}
	if b := r.Arms[1]; b.Failed != 2 || b.Unscored != 1 || b.Scored != 22 {
		t.Errorf("%+v", b)
	}
	notes := strings.Join(r.Notes(), "\n")
	for _, want := range []string{"2 rows of 23 are left out of the comparison with b", "(2: no server)", "2 answers of 23 failed at b"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%s\nwant %s", notes, want)
		}
	}
}

func TestSeveralTargetsAreDecidedTogether(t *testing.T) {
	plan := Plan{Variants: []Variant{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "a (again)", Noise: true}}}
	r := analysed(t, dataOf(t, isYes, plan, append(times(15, "no", "yes"), times(20, "yes", "yes")...)...))
	if len(r.Pairs) != 2 || r.Noise == nil {
		t.Fatalf("%d comparisons, noise %v", len(r.Pairs), r.Noise)
	}
	for _, p := range r.Pairs {
		if p.Level < 0.95 || p.AdjustedP < p.P {
			t.Errorf("%+v", p)
		}
	}
	if !strings.Contains(strings.Join(r.Notes(), "\n"), "2 comparisons are decided together (Holm)") {
		t.Error(r.Notes())
	}
}

// kept is a store in memory.
type kept struct {
	mu     sync.Mutex
	scores map[string]map[batch.ItemID]json.RawMessage
	puts   int
	reads  int
	usd    map[string]float64
}

func (k *kept) Spend(_ context.Context, name string, _ batch.ItemID, usd float64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.usd[name] += usd
	return nil
}

func (k *kept) All(_ context.Context, name string) (map[batch.ItemID]json.RawMessage, float64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	return k.scores[name], k.usd[name], nil
}

func (k *kept) Put(_ context.Context, name string, id batch.ItemID, score json.RawMessage, usd float64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.puts++
	k.usd[name] += usd
	if k.scores[name] == nil {
		k.scores[name] = map[batch.ItemID]json.RawMessage{}
	}
	k.scores[name][id] = score
	return nil
}

// A judge is asked once for each answer, however often a scoring is interrupted, and
// again only for what it gave no verdict on.
func TestJudgesAreAskedOnce(t *testing.T) {
	store := &kept{scores: map[string]map[batch.ItemID]json.RawMessage{}, usd: map[string]float64{}}
	checks := "checks:\n  - {judge: good, model: j}\n  - {prefer: better, model: j}\n"
	var calls, fail atomic.Int64
	tools := &check.Tools{Ask: func(_ context.Context, r provider.Request) (provider.Response, error) {
		n := calls.Add(1)
		if f := fail.Load(); f > 0 && n > f {
			return provider.Response{}, provider.Errorf(provider.OverBudget, "j", "j", "no money")
		}
		if strings.Contains(r.Messages[1].Text, "question 3") && strings.Contains(r.Messages[1].Text, "begin answer") {
			return provider.Response{Text: "hm", Finish: provider.FinishStop}, nil
		}
		text := `{"reason":"r","verdict":"pass"}`
		if strings.Contains(r.Messages[1].Text, "second answer") {
			text = `{"reason":"r","better":"second"}`
		}
		return provider.Response{Text: text, Finish: provider.FinishStop}, nil
	}}
	fresh := func() *Data {
		d := dataOf(t, isYes, Plan{}, times(10, "x", "y")...)
		d.Checks = setOf(t, checks)
		for _, row := range d.Rows {
			row.Preferences = [][]*check.Preference{make([]*check.Preference, 2)}
			for v := range row.Cells {
				row.Cells[v][0].Outcomes = nil
			}
		}
		return d
	}
	fail.Store(7)
	if err := fresh().Score(t.Context(), Scoring{Tools: tools, Store: store}); provider.KindOf(err) != provider.OverBudget {
		t.Fatalf("a judge that cannot be paid: %v", err)
	}
	fail.Store(0)
	d := fresh()
	if err := d.Score(t.Context(), Scoring{Tools: tools, Store: store, Concurrency: 4}); err != nil {
		t.Fatal(err)
	}
	before := calls.Load()
	d = fresh()
	if err := d.Score(t.Context(), Scoring{Tools: tools, Store: store}); err != nil {
		t.Fatal(err)
	}
	if again := calls.Load() - before; again != 2 { // row 3, in both variants
		t.Errorf("asked %d times again", again)
	}
	// Row by row, as they come, the store is read once for each check.
	store.reads = 0
	d = fresh()
	for _, row := range d.Rows {
		if err := d.ScoreRow(t.Context(), row, Scoring{Tools: tools, Store: store}); err != nil {
			t.Fatal(err)
		}
	}
	if store.reads != 2 {
		t.Errorf("the scores of 2 checks were read %d times for %d rows", store.reads, len(d.Rows))
	}
	// What was paid for a judge that gave no verdict counts, and is counted the next time.
	s := Scoring{Tools: tools, Store: &kept{scores: map[string]map[batch.ItemID]json.RawMessage{}, usd: map[string]float64{}}}
	s.Meter = func(ctx context.Context) (context.Context, func() (float64, int)) {
		before := calls.Load()
		return ctx, func() (float64, int) { return float64(calls.Load() - before), 0 }
	}
	calls.Store(0)
	fail.Store(7)
	d = fresh()
	if err := d.Score(t.Context(), s); err == nil || d.JudgeUSD != float64(calls.Load()) {
		t.Errorf("%d calls, $%v, %v", calls.Load(), d.JudgeUSD, err)
	}
	fail.Store(0)
	d = fresh()
	if err := d.Score(t.Context(), s); err != nil || d.JudgeUSD != float64(calls.Load()) {
		t.Errorf("%d calls, $%v, %v", calls.Load(), d.JudgeUSD, err)
	}
	r := analysed(t, d)
	if r.Arms[0].Scored != 9 || r.Pairs[0].LeftOut != 1 {
		t.Errorf("%+v", r.Arms[0])
	}
	// It always prefers the second answer: that is its bias, and decides nothing.
	if p := r.Preferences[0]; p.N != 10 || p.Mean != 0 || p.Position.Bias.Mean != -1 || p.Position.Consistent.Mean != 0 {
		t.Errorf("%+v", p)
	}
}

func TestWatchStopsWhenTheVerdictStands(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  Plan
		rows  [][2]string
		stops bool
	}{
		{"clear", Plan{Until: 0.05}, times(60, "no", "yes"), true},
		{"the same", Plan{Until: 0.01}, times(60, "yes", "yes"), false},
		{"narrow", Plan{Until: 0.9}, times(200, "yes", "yes"), true},
		{"clusters", Plan{Until: 0.05, Cluster: "doc"}, times(120, "no", "yes"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			watched := func(d *Data, drop bool) int {
				w, err := NewWatch(d)
				if err != nil {
					t.Fatal(err)
				}
				for i, row := range d.Rows {
					stands, err := w.Add(row)
					if err != nil {
						t.Fatal(err)
					}
					if stands {
						return i + 1
					}
					if drop {
						row.Drop()
					}
				}
				return 0
			}
			d := dataOf(t, isYes, tt.plan, tt.rows...)
			at := watched(d, false)
			if dropped := watched(dataOf(t, isYes, tt.plan, tt.rows...), true); dropped != at {
				t.Errorf("stopped at %d, and at %d where rows are dropped", at, dropped)
			}
			if (at > 0) != tt.stops || at == 1 {
				t.Errorf("stopped at %d of %d", at, len(d.Rows))
			}
			if at > 0 && tt.name != "narrow" { // what the report says then is what stopped it
				d.Rows = d.Rows[:at]
				r := analysed(t, d)
				if got := strings.Join(r.Headline(), ""); !strings.HasPrefix(got, "b is better than a") {
					t.Error(got)
				}
				if p := r.Pairs[0]; p.N != at || p.Better != at || tt.plan.Cluster != "" && p.Clusters >= at {
					t.Errorf("of %d rows: %+v", at, p)
				}
			}
		})
	}
}

// attack is what an answer may say to whoever reads the report.
const attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)><a href=\"javascript:alert(3)\">x</a>'\"--><style>*{}</style>{{.}} \x1b]0;t\x07"

func TestAReportRunsNothingOfAnAnswer(t *testing.T) {
	plan := Plan{Variants: []Variant{{Name: "a" + attack}, {Name: "b"}}}
	d := dataOf(t, "checks:\n  - {name: '</script>x', contains: '</script>'}\n", plan, append(times(12, attack, attack+" yes"), [2]string{"!", attack})...)
	for _, row := range d.Rows {
		row.Columns["<script>"] = attack
	}
	d.Plan.Checks = []CheckSource{{File: attack, Text: attack}}
	var b bytes.Buffer
	m := Manifest{ID: attack, Chain: attack, ChainText: attack, Input: attack, Tandem: attack, Picked: attack, Settings: map[string]string{attack: attack}}
	if err := analysed(t, d).WriteHTML(&b, m); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	if tags := regexp.MustCompile(`<[a-z]+(\s+[a-z-]+="[^"]*")*\s+(src|href|style|on[a-z]+)=`).FindAllString(html, -1); tags != nil {
		t.Errorf("%q", tags)
	}
	if n := strings.Count(html, "<script>"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	for _, bad := range []string{"<img", "<a ", "<style>*", "onerror=alert(2)>", "<link", "url(", "@import", "ZgotmplZ"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, tag := range []string{"script", "style"} {
		text := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(html)[1]
		sum := sha256.Sum256([]byte(text))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(strings.ReplaceAll(html, "&#43;", "+"), want) {
			t.Errorf("the policy does not let the page's own %s run: %s", tag, want)
		}
	}
	if !strings.Contains(html, `content="default-src 'none'; `) || strings.Contains(html, "unsafe") {
		t.Error("the policy is not strict")
	}
}

func TestExportsAreReadAsWhatTheyAre(t *testing.T) {
	d := dataOf(t, isYes, Plan{}, append(times(11, "yes", "no, \"x\"\n\x00"), [2]string{"", "!"})...)
	r := analysed(t, d)
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != 25 || lines[2][4] != "no, \"x\"\n\x00" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	b.Reset()
	if err := r.WriteJUnit(&b, "n"); err != nil {
		t.Fatal(err)
	}
	var suites junitSuites
	if err := xml.Unmarshal(b.Bytes(), &suites); err != nil || suites.Tests != 24 || suites.Failures != 12 || suites.Errors != 1 || len(suites.Suites) != 2 {
		t.Errorf("%d tests, %d failures, %d errors, %v", suites.Tests, suites.Failures, suites.Errors, err)
	}
	data, err := json.Marshal(r.JSON("id"))
	var back JSON
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil || len(back.Answers) != 24 || back.Differences[0].Verdict != "worse" || back.Answers[22].Score != nil {
		t.Errorf("%s, %v", data, err)
	}
	b.Reset()
	if err := r.WriteMarkdown(&b); err != nil || !strings.Contains(b.String(), "| a | 100.0 % |") {
		t.Errorf("%s, %v", &b, err)
	}
}

func TestLabels(t *testing.T) {
	d := dataOf(t, isYes, Plan{}, times(12, "yes", "no")...)
	r := analysed(t, d)
	text := ""
	for i := range 12 {
		label := "pass"
		if i < 3 {
			label = "fail"
		}
		text += fmt.Sprintf(`{"row":%d,"variant":"a","repeat":0,"label":%q}`+"\n", i+1, label)
	}
	labels, err := ReadLabels("l.jsonl", []byte(text))
	if err == nil {
		err = r.Agree("l.jsonl", labels)
	}
	if err != nil || len(r.Agreements) != 1 || r.Agreements[0].Raw.Mean != 0.75 {
		t.Errorf("%+v, %v", r.Agreements, err)
	}
	if !strings.Contains(strings.Join(r.Notes(), "\n"), "equals agrees with your labels in 75.0 % of 12 answers") {
		t.Error(r.Notes())
	}
	for text, want := range map[string]string{
		"":  "no labels",
		"x": "l.jsonl:1: this is not a label",
		"\n{\"row\":1,\"variant\":\"a\",\"label\":\"good\"}": "l.jsonl:2: the label is \"good\"; write pass or fail",
		`{"row":1,"variant":"a","label":"pass","x":1}`:       "l.jsonl:1: this is not a label",
		`{"row":1,"variant":"a","label":"pass"} 5`:           "more than one value",
		`{"row":1,"label":"pass"}`:                           "needs the row and the variant",
		"\n{\"row\":1,\"variant\":\"A\",\"label\":\"pass\"}": `l.jsonl:2: the comparison has no variant "A"; did you mean "a"?`,
		`{"row":99,"variant":"a","label":"pass"}`:            "no answer to row 99",
		`{"row":1,"variant":"a","repeat":3,"label":"pass"}`:  "no answer to row 1",
	} {
		labels, err := ReadLabels("l.jsonl", []byte(text))
		if err == nil {
			err = r.Agree("l.jsonl", labels)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

func TestDifferencesOfAnswers(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"the cat sat", "the dog sat", "the [-cat-][+dog+] sat"},
		{"", "new", "[+new+]"},
		{"same", "same", "same"},
		{"a b", "", "[-a b-]"},
		{"é è", "é ê", "é [-è-][+ê+]"},
	} {
		spans, ok := diffWords(tt.a, tt.b)
		got := ""
		for _, s := range spans {
			switch s.Kind {
			case "added":
				got += "[+" + s.Text + "+]"
			case "removed":
				got += "[-" + s.Text + "-]"
			default:
				got += s.Text
			}
		}
		if !ok || got != tt.want {
			t.Errorf("%q → %q: %s", tt.a, tt.b, got)
		}
	}
	if _, ok := diffWords(strings.Repeat("a b ", maxWords), "x"); ok {
		t.Error("a text of any length is compared")
	}
}

func TestSpeedLeavesOutTheCache(t *testing.T) {
	step := func(reason string) runner.Step {
		return runner.Step{Usage: &provider.Usage{OutputTokens: 11}, Route: &provider.Route{Reason: reason, FirstToken: time.Second, Total: 3 * time.Second}}
	}
	if first, speed := pace(&runner.Result{Steps: []runner.Step{step("first choice")}}); first != time.Second || speed != 5 {
		t.Errorf("%v, %v", first, speed)
	}
	if first, speed := pace(&runner.Result{Steps: []runner.Step{step("from the cache, answered by m")}}); first != 0 || speed != 0 {
		t.Errorf("%v, %v", first, speed)
	}
}

func TestSmallestDifference(t *testing.T) {
	p := Plan{Variants: make([]Variant, 2), Level: 0.95}
	few, err := p.Smallest(50, 0)
	many, err2 := p.Smallest(5000, 0)
	clustered, err3 := p.Smallest(5000, 50)
	if err := errors.Join(err, err2, err3); err != nil || !(many < clustered && clustered < few) {
		t.Errorf("%v %v %v %v", few, many, clustered, err)
	}
	if d, err := p.Smallest(5, 0); err != nil || d != 1 {
		t.Errorf("%v, %v", d, err)
	}
}
