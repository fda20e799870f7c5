package chain

import (
	"testing"
	"time"
)

// Whatever an expression says, it is refused or ends soon, and without a panic.
func FuzzExpression(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Add(`join(sort(uniq(list)), "-") + upper(text)`)
	values := map[string]any{"text": "some text", "list": []any{"b", "a"}, "wide": []any{1, 2, 3}, "many": map[string]any{"k": 1}, "deep": "[{}]"}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := New(Step{Name: "a", Transform: text})
		if err != nil {
			return
		}
		own := map[string]any{}
		for _, name := range c.Inputs() {
			own[name] = values[name]
			if own[name] == nil {
				return
			}
		}
		start := time.Now()
		_, _ = c.Output(t.Context(), answers(nil), own)
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
