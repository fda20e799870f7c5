package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/record"
	"github.com/tandem-llm/tandem/provider/router"
)

// The libraries' errors name no command: what to type is added here, whatever
// is wrapped around them.
func TestRemediesOfTheLibrariesErrors(t *testing.T) {
	_, jinja := template.Parse(template.Jinja2, "{{ x }}")
	_, chainJinja := chain.Parse("a.yaml", []byte("prompt: '{{ x }}'\nformat: jinja2\n"))
	_, replay := record.Replay("replay", record.PlayerConfig{Dir: t.TempDir()})
	cause := func(k provider.Kind, err error) error { return provider.Errorf(k, "local", "m", "%w", err) }
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a model to pull":       {cause(provider.ModelNotFound, failure.Mark(errors.New("not found"), failure.ErrNotPulled)), "; get it with `tandem models pull m`"},
		"a model of a service":  {cause(provider.ModelNotFound, errors.New("not found")), "; list the available models with `tandem models list`"},
		"cloud models disabled": {cause(provider.Unsupported, failure.Mark(errors.New("no cloud"), failure.ErrCloudDisabled)), "`tandem engine stop local`"},
		"a mistyped option":     {cause(provider.Unsupported, failure.About(errors.New(`Ollama has no option "topk"`), "topk")), "; did you mean top_k?"},
		"a key before Ollama":   {cause(provider.Denied, failure.Mark(errors.New("Unauthorized"), failure.ErrKeyInHeader)), "write `headers: {Authorization: env:VARIABLE}` for the provider local into your own file, which `tandem config path` shows"},
		"a key of an API":       {cause(provider.Denied, errors.New("Unauthorized")), "store a key with `tandem keys set local`"},
		"not signed in":         {cause(provider.Denied, failure.Mark(errors.New("unauthorized"), failure.ErrSignIn)), "`ollama signin`"},
		"over budget":           {cause(provider.OverBudget, &ledger.Over{Budget: "budget.per_day_usd"}), "; raise the budget, limit the answer with --max-tokens, or ask a local model"},
		"an empty collection":   {cause(provider.Invalid, &chain.NoPassagesError{Collection: "notes"}), "; add some with `tandem embed notes FILE`"},
		"no recordings":         {replay, "; make it with `tandem … --record "},
		"no directory":          {cause(provider.Invalid, &record.NoRecordings{Dir: "tapes", Err: fs.ErrNotExist}), "; make it with `tandem … --record tapes`"},
		"no such recording":     {cause(provider.Unavailable, &record.Miss{Dir: "tapes"}), "; record it with `tandem … --record tapes`"},
		"jinja2":                {jinja, "; add --allow-jinja2"},
		"jinja2 in a chain":     {chainJinja, "; add --allow-jinja2"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range []error{tc.err, fmt.Errorf("step 1: %w", tc.err)} {
				if got := explain(err, nil); !strings.Contains(got, tc.want) {
					t.Errorf("got %q, want %q in it", got, tc.want)
				}
			}
		})
	}
	several := &router.Failure{Attempts: []provider.Attempt{{Provider: "a"}, {Provider: "b"}}}
	if got := explain(cause(provider.Unavailable, several), nil); !strings.HasSuffix(got, "run `tandem doctor` to find out why") {
		t.Errorf("of several: %q", got)
	}
}
