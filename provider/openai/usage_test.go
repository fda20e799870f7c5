package openai

import (
	"math"
	"testing"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/provider"
)

// What a server leaves out of the answer's tokens and has in the total is
// output, and parts that contradict the total are no usage.
func TestUsageAndItsTotal(t *testing.T) {
	told := func(in, out, total int) *goopenai.Usage {
		return &goopenai.Usage{PromptTokens: in, CompletionTokens: out, TotalTokens: total}
	}
	for _, c := range []struct {
		name string
		told *goopenai.Usage
		want *provider.Usage
	}{
		{"nothing", nil, nil},
		{"zeros", told(0, 0, 0), nil},
		{"the sum", told(10, 5, 15), &provider.Usage{InputTokens: 10, OutputTokens: 5}},
		{"no total", told(10, 5, 0), &provider.Usage{InputTokens: 10, OutputTokens: 5}},
		{"thinking in the total alone", told(10, 5, 215), &provider.Usage{InputTokens: 10, OutputTokens: 205}},
		{"less than the sum", told(10, 5, 14), nil},
		{"a negative total", told(10, 5, -15), nil},
		{"negative parts of a true total", told(-10, 25, 15), nil},
		{"the largest numbers", told(math.MaxInt, math.MaxInt, math.MaxInt), nil},
		{"the smallest total", told(10, 5, math.MinInt), nil},
	} {
		got := usage(c.told, 20)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
