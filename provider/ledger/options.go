package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tandem-llm/tandem/provider"
)

// harmless are the engines' options that change neither what a token costs nor
// how many there can be: max_tokens still bounds the answer.
var harmless = []string{
	"cache_prompt", "chat_template_kwargs", "frequency_penalty", "grammar", "ignore_eos", "logit_bias", "metadata", "min_p", "min_tokens",
	"parallel_tool_calls", "presence_penalty", "prompt_cache_key", "repeat_penalty", "repetition_penalty", "safety_identifier", "store",
	"top_k", "user", "verbosity",
}

// standardTier is the service tier of a price that names none.
const standardTier = "default"

// unpricedOption is the option that makes the tariff's price for a model void, as "name
// value", and what to do about it; "" if there is none. The tier that the
// tariff's price is for is no such option, and any other is: its price is
// another.
func (t Tariff) unpricedOption(asked string, options ...map[string]any) (option, remedy string) {
	all := map[string]any{}
	for _, o := range options {
		maps.Copy(all, o)
	}
	tier, want := any(standardTier), standardTier
	if t.Tier != "" && !t.Override.isEmpty() && (asked == "" || asked == t.Model) {
		want = t.Tier
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case name == "service_tier":
			tier = all[name]
		case !slices.Contains(harmless, name):
			return fmt.Sprintf("%q", name), "remove it"
		}
	}
	if tier != any(want) {
		return fmt.Sprintf("%q (%s)", "service_tier", shortValue(tier)), "remove it, or set this tier in `options` of the provider and its price in `price`"
	}
	return "", ""
}

// shortValue is an option's value for an error.
func shortValue(v any) string {
	if s, ok := v.(string); ok && len(s) <= 20 {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%.20s", fmt.Sprint(v))
}

// checkOptions is the error for a call whose options make its price unknown.
func (l *Ledger) checkOptions(ctx context.Context, req *provider.Request, model string) error {
	option, remedy := l.cfg.Tariff.unpricedOption(req.Model, l.cfg.Options, req.Options)
	if option == "" {
		return nil
	}
	return provider.Errorf(provider.OverBudget, l.Name(), model, "%s, but the cost of this call with the option %s is unknown; %s", whose(ctx), option, remedy)
}
