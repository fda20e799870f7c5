package config_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// TestProjectsDoNotLoosenBudgets: a cloned repository may lower what may be
// spent and log less, never the reverse; the command line may.
func TestProjectsDoNotLoosenBudgets(t *testing.T) {
	s := newSandbox(t).user("budget: {per_day_usd: 1, per_run_usd: 0.5}\nlog: meta\n").
		projectFile("budget: {per_day_usd: 100, per_run_usd: 0.25}\nlog: full\nretry_paid: true\n")
	c := s.mustLoad()
	if *c.Budget.PerDay != 1 || *c.Budget.PerRun != 0.25 || c.Log != config.LogMeta || c.RetryPaid {
		t.Errorf("budget %v a day, %v a run, log %q, retry_paid %v; want 1, 0.25, meta, false", *c.Budget.PerDay, *c.Budget.PerRun, c.Log, c.RetryPaid)
	}
	if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, "budget.per_day_usd: 100 has no effect") || !strings.Contains(got, "by a project") {
		t.Errorf("warnings %q do not say that the budget stays", got)
	}
}

// TestAProjectDoesNotPriceTheUsersProvider: with a price of 0 no budget would
// ever be reached.
func TestAProjectDoesNotPriceTheUsersProvider(t *testing.T) {
	s := newSandbox(t).projectFile("providers:\n  - {name: openai, price: {input: 0, output: 0}}\n")
	if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "what openai costs") {
		t.Errorf("got %v, want a demand about the price", err)
	}
}

func TestWindowAuto(t *testing.T) {
	s := newSandbox(t).user("providers:\n  - {name: local, num_ctx: auto}\n")
	if p, _ := s.mustLoad().Provider("local"); p.NumCtx != config.WindowAuto {
		t.Errorf("num_ctx is %d, want WindowAuto", p.NumCtx)
	}
}

// TestAProjectDoesNotLowerAPrice: what a call counts is the user's own price
// for the server and the model, whatever a project's file calls the provider
// and however it writes the address. A project can raise it.
func TestAProjectDoesNotLowerAPrice(t *testing.T) {
	const user = "providers:\n  - {name: gw, kind: openai, base_url: http://127.0.0.1:4000/v1, model: m, api_key: env:K, price: {input: 10, output: 20}}\n" +
		"  - {name: flex, kind: openai, base_url: http://127.0.0.1:4000/v1, model: m, api_key: env:K, options: {service_tier: flex}, price: {input: 5, output: 9}}\n"
	type price struct{ input, cached, output float64 } // below 0: none
	none, mine := price{-1, -1, -1}, price{10, 10, 20}
	for _, tc := range []struct {
		name, project, provider string
		want                    price
		warns                   bool
	}{
		{"an entry of the user's, priced at 0", "{name: gw, price: {input: 0, output: 0}}", "gw", mine, true},
		{"a part of the price", "{name: gw, price: {output: 0}}", "gw", mine, true},
		{"cached input at 0", "{name: gw, price: {cached_input: 0}}", "gw", mine, true},
		{"a higher price", "{name: gw, price: {input: 11, cached_input: 12, output: 21}}", "gw", price{11, 12, 21}, false},
		{"a new name at 0", "{name: y, kind: openai, base_url: 'http://127.0.0.1:4000/v1', model: m, api_key: env:K, price: {input: 0, output: 0}}", "y", mine, true},
		{"a new name without a price", "{name: y, kind: openai, base_url: 'http://127.0.0.1:4000/v1', model: m, api_key: env:K}", "y", mine, false},
		{"a new name without the key", "{name: y, kind: openai, base_url: 'http://127.0.0.1:4000/v1', model: m, price: {input: 0, output: 0}}", "y", mine, true},
		{"another path", "{name: y, kind: openai, base_url: 'http://127.0.0.1:4000/V1/other/', model: m}", "y", mine, false},
		{"another name of this machine", "{name: y, kind: openai, base_url: 'http://LocalHost:4000/v1', model: m}", "y", mine, false},
		{"another address of this machine", "{name: y, kind: openai, base_url: 'http://[::1]:4000/v1', model: m, price: {input: 0, output: 0}}", "y", mine, true},
		{"the entry with another model", "{name: gw, model: other}", "gw", none, true},
		{"the entry elsewhere", "{name: gw, base_url: 'http://127.0.0.1:4001/v1'}", "gw", none, true},
		{"the entry in another tier", "{name: gw, options: {service_tier: priority}}", "gw", none, true},
		{"the entry in a tier with a price of its own", "{name: gw, options: {service_tier: flex}}", "gw", price{5, 5, 9}, false},
		{"a new name with another model", "{name: y, kind: openai, base_url: 'http://127.0.0.1:4000/v1', model: other}", "y", none, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSandbox(t).user(user).projectFile("providers:\n  - " + tc.project + "\n")
			l, _ := s.load()
			if _, err := l.Trust(); err != nil { // trust does not lower a price either
				t.Fatal(err)
			}
			l = s.mustLoad()
			p, _ := l.Provider(tc.provider)
			or := func(usd *float64, instead float64) float64 {
				if usd == nil {
					return instead
				}
				return *usd
			}
			in := or(p.Price.Input, -1)
			if got := (price{in, or(p.Price.CachedInput, in), or(p.Price.Output, -1)}); got != tc.want {
				t.Errorf("the price is %+v, want %+v", got, tc.want)
			}
			if !p.Price.NotFree && !strings.Contains(p.BaseURL, "4001") {
				t.Error("the server counts as one without a price")
			}
			if warned := strings.Contains(strings.Join(l.Warnings, "\n"), "has no effect"); warned != tc.warns {
				t.Errorf("warnings %q", l.Warnings)
			}
		})
	}
}

// A budget is a number of dollars: nothing else takes one away.
func TestBudgetsAreNumbers(t *testing.T) {
	for _, text := range []string{"-1", ".nan", ".inf", "-.inf", "1e300", "null", "''", "'1'", "[]", "{}", "off"} {
		s := newSandbox(t).user("budget: {per_day_usd: 1}\n").projectFile("budget: {per_day_usd: " + text + "}\n")
		l, err := s.load()
		if err == nil && (l.Budget.PerDay == nil || *l.Budget.PerDay > 1) {
			t.Errorf("per_day_usd: %s takes the user's budget away", text)
		}
	}
	for _, text := range []string{"budget: null\n", "budget:\n", "budget: {}\n", "budget: {per_run_usd: 3}\n"} {
		s := newSandbox(t).user("budget: {per_day_usd: 1}\n").projectFile("log: full\n" + text)
		l, err := s.load()
		if err == nil && (l.Budget.PerDay == nil || *l.Budget.PerDay != 1) {
			t.Errorf("%q takes the user's budget away", text)
		}
	}
}
