package ledger_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// A prompt above the list's threshold makes the whole call dearer, and what is
// reserved for one that may be so long is that much, too.
func TestALongPromptCostsItsOwnPrice(t *testing.T) {
	p := ledger.Tariff{Listed: true}.PriceOf("gpt-5.4", "")
	short := p.USD(provider.Usage{InputTokens: 272_000, OutputTokens: 1000})
	long := p.USD(provider.Usage{InputTokens: 272_001, OutputTokens: 1000})
	if want := (272_000*2.5 + 1000*15) / 1e6; math.Abs(short-want) > 1e-9 {
		t.Errorf("272,000 tokens cost $%v, want $%v", short, want)
	}
	if want := (272_001*5 + 1000*22.5) / 1e6; math.Abs(long-want) > 1e-9 {
		t.Errorf("272,001 tokens cost $%v, want $%v", long, want)
	}
	req := provider.Request{Messages: []provider.Message{provider.User(strings.Repeat("word ", 60_000))}, MaxTokens: provider.Ptr(1000)}
	if most := p.Worst(&req); most < long {
		t.Errorf("$%v is reserved for a call that can cost $%v", most, long)
	}
}

// A model whose price depends on more than the tokens that a server reports is
// not in the list: its cost is unknown, and not a guess.
func TestWhatTheListCannotSayIsUnknown(t *testing.T) {
	for _, model := range []string{"gpt-4o-audio-preview", "gpt-4o-search-preview", "o3-deep-research", "ft:gpt-4o-2024-08-06", "gpt-99", ""} {
		if p := (ledger.Tariff{Listed: true}).PriceOf(model, ""); p.Known {
			t.Errorf("%q has a price: %+v", model, p)
		}
	}
}

func TestAnOldListIsSaidToBeOld(t *testing.T) {
	date, err := time.Parse(time.DateOnly, ledger.ListDate)
	if err != nil {
		t.Fatal(err)
	}
	if text := ledger.StaleList(date.AddDate(0, 0, 180)); text != "" {
		t.Errorf("after 180 days: %s", text)
	}
	if text := ledger.StaleList(date.AddDate(0, 0, 181)); !strings.Contains(text, ledger.ListDate) || !strings.Contains(text, "`price`") {
		t.Errorf("after 181 days: %q; want the date and what to do", text)
	}
}

// Where writing to the server's cache costs more, and a server does not say how much it
// wrote, what is charged is at most what the list says, and the basis tells so.
func TestACacheThatCostsIsAnUpperBound(t *testing.T) {
	p := ledger.Tariff{Listed: true}.PriceOf("gpt-6-luna", "")
	if !p.Known || p.Basis != "list of "+ledger.ListDate+", at most" {
		t.Errorf("%+v", p)
	}
	u := provider.Usage{InputTokens: 1_000_000, OutputTokens: 1_000_000}
	if got, want := p.Price.USD(u), 0.125+0.5; math.Abs(got-want) > 1e-9 {
		t.Errorf("$%v, want the price of a prompt that is written to the cache, $%v", got, want)
	}
	if p := (ledger.Tariff{Listed: true}).PriceOf("gpt-4.1", ""); p.Basis != "list of "+ledger.ListDate {
		t.Errorf("the basis of a model without such a price: %s", p.Basis)
	}
}
