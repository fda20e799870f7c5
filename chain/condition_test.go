package chain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

func ExampleNewCondition() {
	_, err := chain.NewCondition("score >")
	fmt.Println(err)
	// Output: the expression cannot be read: unexpected token EOF
}

func ExampleCondition_Names() {
	c, err := chain.NewCondition(`score > 3 and lang in ["de", "fr"]`)
	fmt.Println(c.Names(), err)
	// Output: [score lang] <nil>
}

func ExampleCondition_Holds() {
	c, err := chain.NewCondition("int(score) > 3")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Holds(map[string]any{"score": "4"}))
	// Output: true <nil>
}

func TestConditionsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"": "cannot be read", "1 +": "cannot be read", "'a'": "expected bool", "len(": "cannot be read", "1 + 1": "expected bool",
	} {
		if _, err := chain.NewCondition(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	c, err := chain.NewCondition("score > 3")
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range []map[string]any{{}, {"score": "4"}, {"score": nil}} {
		if is, err := c.Holds(values); is || !errors.Is(err, provider.Invalid) {
			t.Errorf("%v: %v, %v", values, is, err)
		}
	}
}
