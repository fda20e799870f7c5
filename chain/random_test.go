package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
)

// TestRandomChains makes chain files of everything that a step can do, each with
// a model of what it means, written apart from the chain's own code. What runs
// has the model's values, makes as many calls, and asks with the settings and
// at least the privacy that the steps around each prompt say.
func TestRandomChains(t *testing.T) {
	const chains = 400
	calls := 0
	for seed := range uint64(chains) {
		calls += randomChain(t, seed)
		if t.Failed() {
			t.Fatalf("with the seed %d", seed)
		}
	}
	if calls < chains {
		t.Errorf("%d chains made %d calls", chains, calls)
	}
}

func FuzzRandomChains(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { randomChain(t, seed) })
}

func randomChain(t *testing.T, seed uint64) int {
	g := &generator{r: rand.New(rand.NewPCG(seed, 5)), files: map[string]string{}, want: map[string]settings{}, used: map[string]bool{}}
	file, mean := g.chain([]variable{{"i", "text"}, {"j", "text"}, {"l", "list"}}, settings{use: "fake"}, 3)
	g.files["main.yaml"] = file
	c, err := Load(filepath.Join(write(t, g.files), "main.yaml"))
	if err != nil {
		t.Errorf("%v\n%s", err, file)
		return 0
	}
	inputs := map[string]any{"i": "one", "j": "two words", "l": []any{"x", "y", "z"}}
	maps.DeleteFunc(inputs, func(name string, _ any) bool { return !c.takes(name) })
	m := &meaning{}
	want := mean(m, inputs)

	p := &judge{t: t, want: g.want}
	opts := []Option{Defaults(provider.Request{Use: []string{"fake"}}), WithPassages(p.find)}
	for range 2 {
		p.calls = 0
		result, err := c.Output(t.Context(), p, inputs, opts...)
		if err != nil || !reflect.DeepEqual(result.Value, want) || p.calls != m.calls {
			t.Errorf("Output: %v after %d calls, %v; want %v after %d\n%s", result.Value, p.calls, err, want, m.calls, file)
		}
		if n := len(outermost(result.Steps)); n != len(c.Steps()) {
			t.Errorf("%d results of the steps %v", n, c.Steps())
		}
		if n := usageOf(outermost(result.Steps)); n != m.calls {
			t.Errorf("the usage is that of %d calls, and there were %d\n%s", n, m.calls, file)
		}
	}
	p.calls = 0
	asked, failed := 0, 0
	var last StepResult
	for e, err := range c.Run(t.Context(), p, inputs, opts...) {
		if err != nil {
			t.Errorf("Run: %v\n%s", err, file)
			return 0
		}
		switch e.Type {
		case StepStart:
			asked++
		case StepFallback:
			failed++
		case StepEnd, StepSkipped:
			if !strings.ContainsAny(e.Step, ".[") {
				last = *e.Result
			}
		}
	}
	if !reflect.DeepEqual(last.Value, want) || asked != m.calls || failed != m.failed {
		t.Errorf("Run: %v after %d calls and %d failures; want %v after %d and %d\n%s", last.Value, asked, failed, want, m.calls, m.failed, file)
	}
	p.calls = 0
	for range c.Run(t.Context(), p, inputs, opts...) { // a reader may leave at any event
		if g.r.IntN(4) == 0 {
			break
		}
	}
	return m.calls
}

// usageOf is what all steps used: each call of a judge uses one token.
// outermost are the results of the chain's own steps.
func outermost(steps []StepResult) []StepResult {
	return slices.DeleteFunc(slices.Clone(steps), func(s StepResult) bool { return strings.Contains(s.Name, ".") })
}

func usageOf(steps []StepResult) (n int) {
	for _, s := range steps {
		if s.Usage != nil {
			n += s.Usage.OutputTokens
		}
	}
	return n
}

// judge answers, and holds each request against what the chain says of it.
type judge struct {
	told
	t     *testing.T
	want  map[string]settings // by the number that the prompt has
	mu    sync.Mutex
	calls int
}

func (p *judge) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	prompt := req.Messages[0].Text
	id, _, _ := strings.Cut(prompt, " ")
	want := p.want[id]
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	if got := (settings{strings.Join(req.Use, " "), req.Model, want.local}); got != want {
		p.t.Errorf("%q asks %+v, not %+v", prompt, got, want)
	}
	if want.local && req.Privacy != provider.PrivacyLocal {
		p.t.Errorf("%q may leave the machine", prompt)
	}
	return func(yield func(provider.Chunk, error) bool) {
		err := ctx.Err()
		if err == nil && strings.Contains(prompt, "FAIL") {
			yield(provider.Chunk{Text: "no", Finish: provider.FinishLength, Usage: &provider.Usage{OutputTokens: 1}}, nil)
			return
		}
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		_ = yield(provider.Chunk{Text: answerTo(prompt)}, nil) && yield(provider.Chunk{Finish: provider.FinishStop, Usage: &provider.Usage{OutputTokens: 1}}, nil)
	}
}

func answerTo(prompt string) string { return fmt.Sprintf("<%.40s>", prompt) }

func (p *judge) find(_ context.Context, l Lookup) ([]retrieve.Passage, *provider.Route, error) {
	id, _, _ := strings.Cut(l.Query, " ")
	if p.want[id].local && l.Privacy != provider.PrivacyLocal {
		p.t.Errorf("%q may leave the machine", l.Query)
	}
	return []retrieve.Passage{{Text: l.Query, Source: "s"}}, nil, nil
}

// settings are those that hold for a prompt.
type settings struct {
	use, model string
	local      bool
}

type variable struct{ name, typ string }

// meaning counts what a chain does.
type meaning struct{ calls, failed int }

// value is what a step means: its value, of the variables'.
type evaluator func(m *meaning, env map[string]any) any

type generator struct {
	r     *rand.Rand
	n     int
	files map[string]string
	want  map[string]settings
	used  map[string]bool
}

func (g *generator) name(prefix string) string { g.n++; return fmt.Sprintf("%s%d", prefix, g.n) }

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

// pick is a variable of a type, "" where there is none.
func (g *generator) pick(vars []variable, typ string) string {
	var names []string
	for _, v := range vars {
		if v.typ == typ {
			names = append(names, v.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	name := names[g.r.IntN(len(names))]
	g.used[name] = true
	return name
}

// chain is the text of a file.
func (g *generator) chain(vars []variable, around settings, depth int) (string, evaluator) {
	top := map[string]any{"name": "random"}
	if g.chance(10) {
		top["privacy"] = "local"
		around.local = true
	}
	steps, mean := g.list(vars, around, depth)
	top["steps"] = steps
	text, _ := json.MarshalIndent(top, "", " ")
	return string(text), mean
}

// list is steps one after the other; the last one's value is a text.
func (g *generator) list(vars []variable, around settings, depth int) ([]any, evaluator) {
	var steps []any
	type meant struct {
		name     string
		branches []string
		mean     evaluator
	}
	var means []meant
	vars = slices.Clone(vars)
	n := 1 + g.r.IntN(3)
	for i := range n {
		typ := []string{"text", "text", "list", "map"}[g.r.IntN(4)]
		if i == n-1 {
			typ = "text"
		}
		name := g.name("s")
		spec, branches, mean := g.step(name, typ, vars, around, depth)
		spec["name"] = name
		steps = append(steps, spec)
		vars = append(vars, variable{name, typ})
		for _, b := range branches {
			vars = append(vars, variable{b, "text"})
		}
		means = append(means, meant{name, branches, mean})
	}
	return steps, func(m *meaning, env map[string]any) any {
		env = maps.Clone(env)
		var value any
		for _, s := range means {
			value = s.mean(m, env)
			env[s.name] = value
			for _, b := range s.branches {
				env[b] = value.(map[string]any)[b]
			}
		}
		return value
	}
}

// set gives a step settings.
func (g *generator) set(spec map[string]any, around settings) settings {
	if g.chance(15) {
		around.use, around.model = g.name("use"), ""
		spec["use"] = around.use
	}
	if g.chance(15) {
		around.model = g.name("model")
		spec["model"] = around.model
	}
	if g.chance(10) {
		around.local = true
		spec["privacy"] = "local"
	}
	return around
}

// prompt is a template with a number by which its settings are found.
func (g *generator) prompt(vars []variable, around settings, fails bool) (string, func(env map[string]any) string) {
	id := g.name("#")
	g.want[id] = around
	v := g.pick(vars, "text")
	text := id + " of {" + v + "} {{}}"
	if fails {
		text += " FAIL"
	}
	return text, func(env map[string]any) string {
		return strings.NewReplacer("{"+v+"}", env[v].(string), "{{}}", "{}").Replace(text)
	}
}

// step is a step of the type, and the names of its branches.
func (g *generator) step(name, typ string, vars []variable, around settings, depth int) (spec map[string]any, branches []string, mean evaluator) {
	spec = map[string]any{}
	inner := g.set(spec, around)
	switch typ {
	case "list":
		return spec, nil, g.each(spec, vars, inner, depth)
	case "map":
		branches, mean = g.parallel(spec, vars, inner, depth)
		return spec, branches, mean
	}
	outer := vars
	repeats := g.chance(15)
	if repeats {
		vars = append(slices.Clone(vars), variable{name, "text"})
	}
	mean = g.body(spec, vars, inner, depth)
	if repeats {
		mean = g.repeat(name, spec, mean)
	}
	if g.chance(15) {
		mean = g.when(spec, outer, mean)
	}
	return spec, nil, mean
}

// body is what a step does whose value is a text.
func (g *generator) body(spec map[string]any, vars []variable, around settings, depth int) evaluator {
	kinds := []string{"text", "prompt", "transform", "fallback", "join", "retrieve"}
	if depth > 0 {
		kinds = append(kinds, "steps", "steps", "route", "route", "chain", "chain")
	}
	switch kind := kinds[g.r.IntN(len(kinds))]; kind {
	case "text":
		text, fill := g.prompt(vars, around, false)
		spec["text"] = text
		return func(_ *meaning, env map[string]any) any { return fill(env) }
	case "prompt":
		text, fill := g.prompt(vars, around, false)
		spec["prompt"] = text
		return func(m *meaning, env map[string]any) any { m.calls++; return answerTo(fill(env)) }
	case "retrieve":
		text, fill := g.prompt(vars, around, false)
		spec["retrieve"] = map[string]any{"from": "notes", "query": text}
		return func(_ *meaning, env map[string]any) any { return "[1] s\n" + fill(env) }
	case "fallback":
		return g.fallback(spec, vars, around, depth)
	case "join":
		if l := g.pick(vars, "list"); l != "" {
			spec["transform"] = "join(" + l + ", \"+\")"
			return func(_ *meaning, env map[string]any) any { return joined(env[l]) }
		}
		fallthrough
	case "transform":
		a, b := g.pick(vars, "text"), g.pick(vars, "text")
		spec["transform"] = "upper(" + a + ") + string(len(" + b + "))"
		return func(_ *meaning, env map[string]any) any {
			return strings.ToUpper(env[a].(string)) + fmt.Sprint(len([]rune(env[b].(string))))
		}
	case "steps":
		steps, mean := g.list(vars, around, depth-1)
		spec["steps"] = steps
		return mean
	case "chain":
		return g.sub(spec, vars, around, depth)
	}
	return g.route(spec, vars, around, depth)
}

func joined(list any) string {
	var texts []string
	for _, e := range list.([]any) {
		texts = append(texts, e.(string))
	}
	return strings.Join(texts, "+")
}

// fallback is a step that fails, and what stands in for it.
func (g *generator) fallback(spec map[string]any, vars []variable, around settings, depth int) evaluator {
	text, _ := g.prompt(vars, around, true)
	spec["prompt"], spec["parse"] = text, "json"
	instead, _, mean := g.step("fallback", "text", vars, around, depth-1)
	spec["fallback"] = instead
	return func(m *meaning, env map[string]any) any { m.calls++; m.failed++; return mean(m, env) }
}

func (g *generator) sub(spec map[string]any, vars []variable, around settings, depth int) evaluator {
	x, y := g.name("x"), g.name("y")
	text, mean := g.chain([]variable{{x, "text"}, {y, "list"}}, around, depth-1)
	file := g.name("f") + ".yaml"
	g.files[file] = text
	spec["chain"] = file
	with := map[string]any{}
	values := map[string]func(env map[string]any) any{}
	if g.used[x] {
		v := g.pick(vars, "text")
		with[x] = v + " + \"!\""
		values[x] = func(env map[string]any) any { return env[v].(string) + "!" }
	}
	if g.used[y] {
		v := g.pick(vars, "text")
		with[y] = "[" + v + ", \"e\"]"
		values[y] = func(env map[string]any) any { return []any{env[v], "e"} }
	}
	if len(with) > 0 {
		spec["with"] = with
	}
	return func(m *meaning, env map[string]any) any {
		own := map[string]any{}
		for name, value := range values {
			own[name] = value(env)
		}
		return mean(m, own)
	}
}

func (g *generator) route(spec map[string]any, vars []variable, around settings, depth int) evaluator {
	v := g.pick(vars, "text")
	branches := map[string]any{}
	means := map[string]evaluator{}
	for _, name := range []string{"even", "odd"} {
		branch, _, mean := g.step(name, "text", vars, around, depth-1)
		branches[name], means[name] = branch, mean
	}
	spec["route"] = map[string]any{"by": "len(" + v + ") % 2 == 0 ? \"even\" : \"neither\"", "branches": branches, "default": "odd"}
	return func(m *meaning, env map[string]any) any {
		if len([]rune(env[v].(string)))%2 == 0 {
			return means["even"](m, env)
		}
		return means["odd"](m, env)
	}
}

func (g *generator) parallel(spec map[string]any, vars []variable, around settings, depth int) ([]string, evaluator) {
	specs := map[string]any{}
	means := map[string]evaluator{}
	var names []string
	for range 1 + g.r.IntN(3) {
		name := g.name("b")
		names = append(names, name)
		if depth > 0 && g.chance(30) {
			specs[name], means[name] = g.list(vars, around, depth-1)
			continue
		}
		specs[name], _, means[name] = g.step(name, "text", vars, around, depth-1)
	}
	spec["parallel"] = specs
	if g.chance(50) {
		spec["concurrency"] = 1 + g.r.IntN(3)
	}
	return names, func(m *meaning, env map[string]any) any {
		all := map[string]any{}
		for name, mean := range means {
			all[name] = mean(m, env)
		}
		return all
	}
}

func (g *generator) each(spec map[string]any, vars []variable, around settings, depth int) evaluator {
	list := ""
	if g.chance(70) {
		list = g.pick(vars, "list")
	}
	if list == "" {
		v := g.pick(vars, "text")
		list = "split(" + v + ", \" \")"
	}
	item := g.name("e")
	spec["each"], spec["as"], spec["concurrency"] = list, item, 1+g.r.IntN(3)
	mean := g.body(spec, append(slices.Clone(vars), variable{item, "text"}), around, depth-1)
	return func(m *meaning, env map[string]any) any {
		var elements []any
		if from, ok := strings.CutPrefix(list, "split("); ok {
			name, _, _ := strings.Cut(from, ",")
			for word := range strings.SplitSeq(env[name].(string), " ") {
				elements = append(elements, word)
			}
		} else {
			elements = env[list].([]any)
		}
		values := make([]any, len(elements))
		for i, e := range elements {
			own := maps.Clone(env)
			own[item] = e
			values[i] = mean(m, own)
		}
		return values
	}
}

func (g *generator) repeat(name string, spec map[string]any, mean evaluator) evaluator {
	most := 1 + g.r.IntN(3)
	until := g.chance(50)
	loop := map[string]any{"start": `"s"`, "max": most}
	if until {
		loop["until"], loop["keep"] = "len("+name+") > 30", true
	}
	spec["repeat"] = loop
	return func(m *meaning, env map[string]any) any {
		env = maps.Clone(env)
		env[name] = "s"
		for range most {
			env[name] = mean(m, env)
			if until && len([]rune(env[name].(string))) > 30 {
				break
			}
		}
		return env[name]
	}
}

func (g *generator) when(spec map[string]any, vars []variable, mean evaluator) evaluator {
	v := g.pick(vars, "text")
	spec["when"], spec["else"] = "len("+v+") > 12", "skipped"
	return func(m *meaning, env map[string]any) any {
		if len([]rune(env[v].(string))) > 12 {
			return mean(m, env)
		}
		return "skipped"
	}
}
