package tokens_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// The texts of testdata, with SmolLM2's own count of each. The estimator
// was fitted to those at the top; those below other/ are there to see how it
// does elsewhere. That the counts are right, provider/openai tests on the real
// tokenizer.
func TestEstimateIsNear(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "counts"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		var name string
		var want int
		if _, err := fmt.Sscan(line, &name, &want); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		n++
		got := tokens.Text(string(text))
		off := float64(got)/float64(want) - 1
		t.Logf("%-22s %4d tokens, estimated %4d (%+.0f %%)", name, want, got, 100*off)
		if math.Abs(off) > 0.20 {
			t.Errorf("%s: estimated %d of %d tokens, more than 20 %% off", name, got, want)
		}
	}
	if n < 18 {
		t.Errorf("only %d texts", n)
	}
}

// The bound holds for every text that has been counted, and is not idle.
func TestAtLeast(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "counts"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		var name string
		var counted int
		if _, err := fmt.Sscan(line, &name, &counted); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		// A large vocabulary may need a third of SmolLM2's tokens.
		if got := tokens.AtLeast(&provider.Request{Messages: []provider.Message{provider.User(string(text))}}); got > counted*2/3 || got > counted/2 && got > 20 {
			t.Errorf("%s: at least %d of %d tokens", name, got, counted)
		}
	}
	for text, want := range map[string]int{
		"":                               0,
		strings.Repeat("word ", 9000):    4500,
		strings.Repeat("漢字", 8000):       1000,
		strings.Repeat("a", 9000):        0,
		strings.Repeat("--- ", 9000):     0,
		strings.Repeat("naïve café ", 9): 9,
	} {
		if got := tokens.AtLeast(&provider.Request{Messages: []provider.Message{provider.User(text)}}); got != want {
			t.Errorf("%.20q: at least %d tokens, want %d", text, got, want)
		}
	}
}

func TestRequestCountsAllOfIt(t *testing.T) {
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	small := tokens.Request(&req)
	for what, add := range map[string]func(*provider.Request){
		"a message": func(r *provider.Request) { r.Messages = append(r.Messages, provider.Assistant("hello")) },
		"an image":  func(r *provider.Request) { r.Messages[0].Images = []provider.Image{{Data: []byte("x")}} },
		"a tool":    func(r *provider.Request) { r.Tools = []provider.Tool{{Name: "clock", Parameters: []byte(`{}`)}} },
		"a schema":  func(r *provider.Request) { r.Schema = &provider.Schema{JSON: []byte(`{"type":"object"}`)} },
		"a tool call": func(r *provider.Request) {
			r.Messages[0].ToolCalls = []provider.ToolCall{{Name: "clock", Arguments: []byte(`{"zone": "CET"}`)}}
		},
	} {
		more := provider.Request{Messages: []provider.Message{provider.User("hi")}}
		add(&more)
		if got := tokens.Request(&more); got <= small {
			t.Errorf("%s adds nothing: %d tokens, and %d without", what, got, small)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", " ", "the cat", "नमस्ते दुनिया", "你好", "\xff\xfe", "aB\tcD  12\n\n", "🇮🇳👍🏽", strings.Repeat("ab", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := tokens.Text(s)
		if n < 0 || n > len(s) || n == 0 && s != "" {
			t.Errorf("%q has %d bytes and is estimated at %d tokens", s, len(s), n)
		}
	})
}

func BenchmarkText(b *testing.B) {
	text, err := os.ReadFile(filepath.Join("testdata", "english.txt"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tokens.Text(string(text))
	}
}
