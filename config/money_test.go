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
