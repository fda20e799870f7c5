package diag_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
)

func TestSplitTakesListsApartAndNothingElse(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	both := fmt.Errorf("%w, since %w", a, b)
	got := diag.Split(errors.Join(a, errors.Join(both, b)))
	if !slices.Equal(got, []error{a, both, b}) {
		t.Errorf("got %v", got)
	}
	if got := diag.Split(nil); got != nil {
		t.Errorf("no error gave %v", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"temperature", "top_p", "use", "seed", "max_tokens", "host"}
	for word, want := range map[string]string{
		"temprature": "temperature", "temp": "temperature", "Temperature": "temperature", "top-p": "top_p",
		"hsot": "host", "sede": "seed", "maxtokens": "max_tokens", "xyz": "", "": "", "zz": "", "us": "use",
	} {
		got, ok := diag.Nearest(word, known)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestSuggestNamesEachOnce(t *testing.T) {
	if got := diag.Suggest("zzzzz", []string{"name", "steps", "name"}); got != "known: name, steps" {
		t.Error(got)
	}
}
