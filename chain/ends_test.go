package chain

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Steps that ask nobody end with their context, and within their timeout,
// however often they run.
func TestStepsThatAskNobodyEnd(t *testing.T) {
	often := func(inner string) string {
		for range 3 {
			inner = "\n- name: r\n  repeat: {start: '\"\"', max: 1000}\n  steps:" + strings.ReplaceAll(inner, "\n", "\n    ")
		}
		return inner
	}
	for name, steps := range map[string]string{
		"a text, repeated":          often("\n- {name: d, text: x}"),
		"a transform, repeated":     often("\n- {name: d, transform: '1+1'}"),
		"a transform, until":        often("\n- {name: d, repeat: {start: '1', max: 1000, until: d > 5, keep: true}, transform: '1'}"),
		"for each of many":          often("\n- {name: d, each: 1..1000, text: x}"),
		"branches":                  often("\n- {name: d, parallel: {a: {text: x}, b: {text: y}}}"),
		"what is skipped":           often("\n- {name: d, when: 'false', else: x, text: y}"),
		"what fails and falls back": often("\n- {name: d, transform: 'int(\"x\")', fallback: {text: y}}"),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte("steps:"+steps))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			ended := make(chan error, 1)
			go func() {
				_, err := c.Output(ctx, &atOnce{}, nil)
				ended <- err
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it goes on after it was cancelled")
			}

			if c, err = Parse("c.yaml", []byte("steps:\n- name: whole\n  timeout: 20ms\n  steps:"+strings.ReplaceAll(steps, "\n", "\n    "))); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Output(t.Context(), &atOnce{}, nil); provider.KindOf(err) != provider.Timeout {
				t.Errorf("timeout: %v", err)
			}
		})
	}
}
