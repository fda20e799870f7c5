package chain

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
)

// staysCases are chains whose prompts, queries and examples say in their first
// word whether they may leave the machine: "stays" or "leaves".
var staysCases = map[string]string{
	"the next step": `
- {name: a, prompt: stays, privacy: local}
- {name: b, prompt: 'stays {a}'}`,
	"a later one that does not use it": `
- {name: a, prompt: stays, privacy: local}
- {name: b, prompt: 'stays {a}'}
- {name: c, prompt: 'stays {q} {b}'}`,
	"what was asked before": `
- {name: a, prompt: leaves}
- {name: b, prompt: 'stays {a}', privacy: local}`,
	"shared": `
- {name: a, prompt: stays, privacy: local, share: true}
- {name: b, prompt: 'leaves {a}'}`,
	"share: false": `
- {name: a, prompt: stays, privacy: local, share: false}
- {name: b, prompt: 'stays {a}'}`,
	"one shared, one not": `
- {name: a, prompt: stays, privacy: local, share: true}
- {name: b, prompt: 'leaves {a}'}
- {name: c, prompt: 'stays {b}', privacy: local}
- {name: d, prompt: 'stays {c}'}`,
	"share on the reader does not loosen": `
- {name: a, prompt: stays, privacy: local}
- {name: b, prompt: 'stays {a}', share: true}
- {name: c, prompt: 'stays {b}'}`,
	"through text and transform": `
- {name: a, prompt: stays, privacy: local}
- {name: b, text: 'x {a}'}
- {name: c, transform: len(b)}
- {name: d, prompt: 'stays {c}'}`,
	"through a condition": `
- {name: a, prompt: stays, privacy: local}
- {name: b, when: 'len(a) > 0', else: none, prompt: 'stays'}
- {name: c, prompt: 'stays {b}'}`,
	"skipped": `
- {name: a, when: 'false', else: none, prompt: stays, privacy: local}
- {name: b, prompt: 'leaves {a}'}`,
	"a group": `
- {name: g, steps: [{name: a, prompt: stays, privacy: local}, {name: b, prompt: 'stays {a}'}]}
- {name: c, prompt: 'stays {g}'}`,
	"a local group": `
- {name: g, privacy: local, steps: [{name: a, prompt: stays}, {name: b, prompt: 'stays {a}'}]}
- {name: c, prompt: 'stays {g}'}`,
	"a shared group": `
- {name: g, privacy: local, share: true, steps: [{name: a, prompt: stays}, {name: b, prompt: 'stays {a}'}]}
- {name: c, prompt: 'leaves {g}'}`,
	"a shared group of a local step": `
- {name: g, share: true, steps: [{name: a, prompt: stays, privacy: local}, {name: b, prompt: 'stays {a}'}]}
- {name: c, prompt: 'leaves {g}'}`,
	"a shared step in a local group": `
- {name: g, privacy: local, steps: [{name: a, prompt: stays, privacy: local, share: true}, {name: b, prompt: 'stays {a}'}]}
- {name: c, prompt: 'stays {g}'}`,
	"parallel branches see nothing of each other": `
- name: p
  parallel:
    a: [{name: x, prompt: stays, privacy: local}, {name: y, prompt: 'stays {x}'}]
    b: [{name: x, prompt: leaves}, {name: y, prompt: 'leaves {x}'}]
  concurrency: 1
- {name: c, prompt: 'stays {b}'}`,
	"shared parallel branch": `
- name: p
  parallel:
    a: {prompt: stays, privacy: local, share: true}
    b: {prompt: leaves}
- {name: c, prompt: 'leaves {a} {b}'}`,
	"each": `
- {name: e, each: '[1, 2, 3]', concurrency: 1, steps: [{name: x, prompt: 'leaves {item}'}, {name: y, prompt: 'stays {x}', privacy: local}, {name: z, prompt: 'stays {y}'}]}
- {name: c, prompt: 'stays {e}'}`,
	"a local each": `
- {name: e, each: '[1, 2]', prompt: 'stays {item}', privacy: local}
- {name: c, prompt: 'stays {e}'}`,
	"a shared each": `
- {name: e, each: '[1, 2]', prompt: 'stays {item}', privacy: local, share: true}
- {name: c, prompt: 'leaves {e}'}`,
	"rounds": `
- {name: l, repeat: {max: 1, start: '"x"'}, steps: [{name: x, prompt: 'leaves {l}'}, {name: y, prompt: 'stays {x}', privacy: local}]}
- {name: c, prompt: 'stays {l}'}`,
	"a route by a local answer": `
- {name: a, prompt: stays, privacy: local}
- {name: r, route: {by: 'a', default: z, branches: {y: {prompt: stays}, z: {prompt: 'stays z'}}}}`,
	"a branch of a route": `
- {name: r, route: {by: '"y"', branches: {y: {prompt: stays, privacy: local}, z: {prompt: leaves}}}}
- {name: c, prompt: 'stays {r}'}`,
	"a local route": `
- {name: r, privacy: local, route: {ask: 'stays', branches: {y: {prompt: stays}, z: {prompt: stays}}}}
- {name: c, prompt: 'stays {r}'}`,
	"a fallback under the step's privacy": `
- {name: a, prompt: 'stays FAIL', privacy: local, fallback: {prompt: stays}}
- {name: b, prompt: 'stays {a}'}`,
	"a shared step's fallback": `
- {name: a, prompt: 'stays FAIL', privacy: local, share: true, fallback: {prompt: stays}}
- {name: b, prompt: 'leaves {a}'}`,
	"a local fallback": `
- {name: a, prompt: 'leaves FAIL', fallback: {prompt: stays, privacy: local}}
- {name: b, prompt: 'stays {a}'}`,
	"the fallback of steps after a local one": `
- {name: g, steps: [{name: a, prompt: stays, privacy: local}, {name: b, prompt: 'stays FAIL {a}'}], fallback: {prompt: stays}}
- {name: c, prompt: 'stays {g}'}`,
	"a local step that failed has no answer": `
- {name: g, steps: [{name: a, prompt: 'stays FAIL', privacy: local}, {name: b, prompt: 'x {a}'}], fallback: {prompt: leaves}}
- {name: c, prompt: 'leaves {g}'}`,
	"retries": `
- {name: a, prompt: 'stays', privacy: local, parse: {enum: [done]}, retries: 1, fallback: {text: none}}
- {name: b, prompt: 'stays {a}'}`,
	"a lookup of a local answer": `
- {name: a, prompt: stays, privacy: local}
- {name: f, retrieve: {from: open, query: 'stays {a}'}}
- {name: b, prompt: 'stays {f}'}`,
	"a lookup of a shared answer": `
- {name: a, prompt: stays, privacy: local, share: true}
- {name: f, retrieve: {from: open, query: 'leaves {a}'}}
- {name: b, prompt: 'leaves {f}'}`,
	"a local lookup": `
- {name: f, retrieve: {from: open, query: 'stays {q}'}, privacy: local}
- {name: b, prompt: 'stays {f}'}`,
	"local passages": `
- {name: f, retrieve: {from: closed, query: 'leaves {q}'}}
- {name: b, prompt: 'stays {f}'}`,
	"no step shares local passages": `
- {name: f, retrieve: {from: closed, query: 'stays {q}'}, privacy: local, share: true}
- {name: b, prompt: 'stays {f}'}`,
	"nor a group with them": `
- {name: g, share: true, privacy: local, steps: [{name: f, retrieve: {from: closed, query: 'stays {q}'}}, {name: a, prompt: 'stays {f}', privacy: local, share: true}]}
- {name: b, prompt: 'stays {g}'}`,
	"local passages in a branch": `
- name: p
  parallel:
    a: [{name: f, retrieve: {from: closed, query: 'leaves {q}'}}, {name: x, prompt: 'stays {f}'}]
    b: [{name: f, text: x}, {name: x, prompt: 'leaves {f}'}]
- {name: c, prompt: 'stays {b}'}`,
	"examples by meaning": `
- {name: a, prompt: stays, privacy: local}
- name: b
  prompt: 'stays {a}'
  examples: {text: '{a}', items: [{a: stays}], select: {by: similar, k: 1, keys: [a]}}`,
}

// staysModel holds each prompt against its first word.
type staysModel struct {
	told
	t  *testing.T
	mu sync.Mutex
	n  int
}

func (m *staysModel) check(what, text string, p provider.Privacy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	want := strings.Fields(text)[0]
	got := "leaves"
	if p == provider.PrivacyLocal {
		got = "stays"
	}
	if got != want {
		m.t.Errorf("%s %q: %s", what, text, got)
	}
}

func (m *staysModel) fake() *fake {
	return &fake{answer: func(r provider.Request) (string, provider.Finish, error) {
		text := r.Messages[0].Text
		m.check("prompt", text, r.Privacy)
		if strings.Contains(text, "FAIL") {
			return "", "", provider.Errorf(provider.Unavailable, "fake", "", "down")
		}
		if r.Schema != nil {
			return `{"choice": "z"}`, provider.FinishStop, nil
		}
		return "stays done", provider.FinishStop, nil
	}}
}

func (m *staysModel) find(_ context.Context, l Lookup) ([]retrieve.Passage, *provider.Route, error) {
	m.check("query", l.Query, l.Privacy)
	p := retrieve.Passage{Text: "passage", Source: "s"}
	if l.Collection == "closed" {
		p.Privacy = provider.PrivacyLocal
	}
	return []retrieve.Passage{p}, nil, nil
}

func (m *staysModel) Embed(_ context.Context, r provider.EmbedRequest) (provider.EmbedResponse, error) {
	out := provider.EmbedResponse{}
	for _, text := range r.Input {
		m.check("embedded", text, r.Privacy)
		out.Vectors = append(out.Vectors, []float32{1, 0})
	}
	return out, nil
}

func TestAnAnswerUnderPrivacyLocalStays(t *testing.T) {
	for name, steps := range staysCases {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("x.yaml", []byte("inputs: {q: {type: text, default: q}}\nsteps:"+steps+"\n- {name: end, text: '{q}'}\n"))
			if err != nil {
				t.Fatal(err)
			}
			m := &staysModel{t: t}
			options := []Option{WithPassages(m.find), WithEmbedder(m)}
			if _, err := c.Output(t.Context(), m.fake(), nil, options...); err != nil {
				t.Fatal(err)
			}
			if m.n == 0 {
				t.Error("nobody was asked")
			}
			for e, err := range c.Run(t.Context(), (&staysModel{t: t}).fake(), nil, WithPassages(m.find), WithEmbedder(m)) {
				if err != nil {
					t.Fatalf("with its events: %v after %v", err, e)
				}
			}
		})
	}
}

// What a plan says is what a run does, except that it counts what may be
// skipped as run.
func TestAPlanKnowsWhatStays(t *testing.T) {
	for name, steps := range staysCases {
		if name == "skipped" || strings.Contains(name, "that failed") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, err := Parse("x.yaml", []byte("inputs: {q: {type: text, default: q}}\nsteps:"+steps+"\n- {name: end, text: '{q}'}\n"))
			if err != nil {
				t.Fatal(err)
			}
			m := &staysModel{t: t}
			plan, err := c.Plan(t.Context(), nil, PassagesStay(func(_ context.Context, name string) bool { return name == "closed" }))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plan {
				var text string
				privacy := p.Request.Privacy
				if p.Lookup != nil {
					text, privacy = p.Lookup.Query, p.Lookup.Privacy
				} else {
					text = p.Request.Messages[0].Text
				}
				m.check(p.Step, strings.Replace(text, unknown, "stays", 1), privacy)
				if p.Stays != "" && privacy != provider.PrivacyLocal {
					t.Errorf("%s: %s, and its privacy is %q", p.Step, p.Stays, privacy)
				}
			}
		})
	}
}

// A chain in a file cannot loosen what the run says.
func TestShareLoosensNoRun(t *testing.T) {
	c, err := New(
		Step{Name: "a", Prompt: "stays", Privacy: provider.PrivacyLocal, Share: true},
		Step{Name: "b", Prompt: "stays {a}", Share: true},
		Step{Name: "c", Prompt: "stays {b}"},
	)
	if err != nil {
		t.Fatal(err)
	}
	m := &staysModel{t: t}
	if _, err := c.Output(t.Context(), m.fake(), nil, Defaults(provider.Request{Privacy: provider.PrivacyLocal})); err != nil || m.n != 3 {
		t.Error(m.n, err)
	}
}

// What is local in a chain of another file is local for who runs it.
func TestAChainInAChainStays(t *testing.T) {
	for _, tc := range []struct{ inner, step, after string }{
		{"privacy: local\nsteps: [{name: a, prompt: stays}, {name: b, prompt: 'stays {a}'}]", "", "stays"},
		{"privacy: local\nprompt: stays", "", "stays"},
		{"privacy: local\nshare: true\nprompt: stays", "", "leaves"},
		{"privacy: local\nsteps: [{name: a, prompt: stays}, {name: b, prompt: 'stays {a}', share: true}]", "", "stays"},
		{"privacy: local\nsteps: [{name: a, prompt: stays}, {name: b, prompt: 'stays {a}'}]", ", share: true", "leaves"},
		{"prompt: stays", ", privacy: local", "stays"},
		{"prompt: stays", ", privacy: local, share: true", "leaves"},
		{"prompt: leaves", "", "leaves"},
	} {
		dir := write(t, map[string]string{
			"in.yaml":  tc.inner,
			"out.yaml": "steps:\n- {name: i, chain: in.yaml" + tc.step + "}\n- {name: b, prompt: '" + tc.after + " {i}'}\n",
		})
		c, err := Load(dir + "/out.yaml")
		if err != nil {
			t.Fatal(err)
		}
		m := &staysModel{t: t}
		if _, err := c.Output(t.Context(), m.fake(), nil); err != nil {
			t.Errorf("%s: %v", tc.inner, err)
		}
	}
}

// A refusal says which step was the cause, and what to write there.
func TestARefusalNamesTheStepThatWasLocal(t *testing.T) {
	refusing := &fake{answer: func(r provider.Request) (string, provider.Finish, error) {
		if r.Privacy == provider.PrivacyLocal && !strings.HasPrefix(r.Messages[0].Text, "here") {
			return "", "", provider.Errorf(provider.Private, "hosted", "", "not on this machine")
		}
		return "done", provider.FinishStop, nil
	}}
	for _, tc := range []struct {
		steps string
		says  string // "": nothing of another step
	}{
		{"[{name: a, prompt: here, privacy: local}, {name: b, prompt: 'there {a}'}]", "it may contain the answer of step a, made under privacy local; write `share: true` in that step"},
		{"[{name: g, steps: [{name: a, prompt: here, privacy: local}, {name: x, prompt: 'here {a}'}]}, {name: b, prompt: 'there {g}'}]", "the answer of step g.a, made"},
		{"[{name: f, retrieve: {from: closed, query: q}}, {name: b, prompt: 'there {f}'}]", "it may contain passages of a local collection, which step f looks up"},
		{"[{name: a, prompt: here, privacy: local}, {name: b, prompt: 'there {a}', privacy: local}]", ""},
		{"[{name: a, prompt: here, privacy: local, share: true}, {name: b, prompt: 'there {a}', privacy: local}]", ""},
	} {
		c, err := Parse("x.yaml", []byte("steps: "+tc.steps))
		if err != nil {
			t.Fatal(err)
		}
		find := func(context.Context, Lookup) ([]retrieve.Passage, *provider.Route, error) {
			return []retrieve.Passage{{Text: "x", Privacy: provider.PrivacyLocal}}, nil, nil
		}
		_, err = c.Output(t.Context(), refusing, nil, WithPassages(find))
		if !errors.Is(err, provider.Private) || provider.KindOf(err) != provider.Private {
			t.Errorf("%s: %v", tc.steps, err)
		}
		if tc.says == "" && strings.Contains(err.Error(), "it may contain") || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.steps, err)
		}
	}
}

// An option that does nothing is told.
func TestAShareThatSharesNothingIsWarnedOf(t *testing.T) {
	for steps, want := range map[string]string{
		"[{name: a, prompt: x, share: true}]":                                        "x.yaml:1:37: share: true has no effect",
		"[{name: a, prompt: x, privacy: local, share: true}]":                        "",
		"[{name: a, steps: [{name: x, prompt: x, privacy: local}], share: true}]":    "",
		"[{name: a, prompt: x, share: true, fallback: {prompt: x, privacy: local}}]": "",
		"[{name: a, steps: [{name: x, prompt: x, share: true}], privacy: local}]":    "share: true has no effect",
	} {
		c, err := Parse("x.yaml", []byte("steps: "+steps))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range c.Warnings() {
			got += w.Error()
		}
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", steps, got)
		}
	}
}
