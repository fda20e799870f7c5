package ledger_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/structured"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a ledger.Book in memory.
type book struct {
	mu       sync.Mutex
	refuse   error
	held     []ledger.Reservation
	released int
	settled  []ledger.Entry
	marks    []int64 // of settled
}

func (b *book) Reserve(_ context.Context, h ledger.Reservation) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return 0, b.refuse
	}
	b.held = append(b.held, h)
	return int64(len(b.held)), nil
}

func (b *book) Fits(context.Context, ledger.Reservation) error { return b.refuse }

func (b *book) Renew(int64) {}

func (b *book) Release(int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released++
}

func (b *book) Settle(mark int64, e ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled, b.marks = append(b.settled, e), append(b.marks, mark)
}

// hosted is a Fake that is not on this machine.
type hosted struct{ *providertest.Fake }

func (h hosted) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range h.Fake.Chat(ctx, req) {
			if c.Route != nil {
				c.Route.Local = false
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func paid(answers ...providertest.Answer) hosted {
	return hosted{&providertest.Fake{ProviderName: "paid", Answers: answers}}
}

var (
	usage  = &provider.Usage{InputTokens: 1000, CachedTokens: 400, OutputTokens: 200}
	said   = ledger.Tariff{Model: "big", Override: ledger.PriceOverride{Input: provider.Ptr(2.0), CachedInput: provider.Ptr(0.5), Output: provider.Ptr(8.0)}}
	openAI = ledger.Tariff{Model: "gpt-4o-mini", Listed: true}
	here   = func(context.Context) bool { return true }
)

func ask(ctx context.Context, p provider.Provider, req provider.Request) (provider.Response, error) {
	req.Messages = []provider.Message{provider.User("hello")}
	return provider.Collect(p.Chat(ctx, req))
}

func TestCostOfAnAnswer(t *testing.T) {
	const list = "list of " + ledger.ListDate
	for _, c := range []struct {
		name       string
		p          provider.Provider
		cfg        ledger.Config
		model      string
		usd, saved float64 // below 0: not known
		basis      string
	}{
		{"the configuration's price", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: said}, "", (600*2.0 + 400*0.5 + 200*8.0) / 1e6, -1, "configuration"},
		{"the configuration's price on this machine", &providertest.Fake{Answers: []providertest.Answer{{Usage: usage}}}, ledger.Config{Tariff: said}, "", (600*2.0 + 400*0.5 + 200*8.0) / 1e6, -1, "configuration"},
		{"the list's", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: openAI}, "gpt-4o-mini", (600*0.15 + 400*0.075 + 200*0.60) / 1e6, -1, list},
		{"the list's, for a dated name", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: openAI}, "gpt-4o-2024-08-06", (600*2.5 + 400*1.25 + 200*10.0) / 1e6, -1, list},
		{"a dated name with a price of its own", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: openAI}, "gpt-4o-2024-05-13", (1000*5.0 + 200*15.0) / 1e6, -1, list},
		{"a model that nobody has a price for", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: openAI}, "gpt-99", -1, -1, "no price for gpt-99"},
		{"the list is for OpenAI alone", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: ledger.Tariff{Model: "gpt-4o"}}, "gpt-4o", -1, -1, "no price for gpt-4o"},
		{"a price is its model's alone", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: said}, "other", -1, -1, "no price for other"},
		{"half a price is none", paid(providertest.Answer{Usage: usage}), ledger.Config{Tariff: ledger.Tariff{Model: "big", Override: ledger.PriceOverride{Input: provider.Ptr(1.0)}}}, "", -1, -1, "incomplete price for big in the configuration"},
		{"local", &providertest.Fake{Answers: []providertest.Answer{{Usage: usage}}}, ledger.Config{Tariff: ledger.Tariff{Model: "small"}}, "", 0, -1, "local"},
		{
			"local, with a stand-in", &providertest.Fake{Answers: []providertest.Answer{{Usage: usage}}},
			ledger.Config{Baseline: &ledger.Baseline{Name: "openai", Tariff: openAI}},
			"", 0, (600*0.15 + 400*0.075 + 200*0.60) / 1e6, "local; openai by its price: " + list,
		},
		{
			"local, with a stand-in that has no price", &providertest.Fake{Answers: []providertest.Answer{{Usage: usage}}},
			ledger.Config{Baseline: &ledger.Baseline{Name: "openai", Tariff: ledger.Tariff{Model: "x"}}},
			"", 0, -1, "local",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &book{}
			c.cfg.Book = b
			r, err := ask(t.Context(), ledger.New(c.p, c.cfg), provider.Request{Model: c.model})
			if err != nil || r.Route == nil || r.Route.Cost == nil {
				t.Fatalf("%+v, %v", r, err)
			}
			cost := r.Route.Cost
			if !is(cost.USD, c.usd) || !is(cost.Saved, c.saved) || cost.Basis != c.basis {
				t.Errorf("cost %v, saved %v, %q; want %v, %v, %q", show(cost.USD), show(cost.Saved), cost.Basis, c.usd, c.saved, c.basis)
			}
			if len(b.settled) != 1 || b.marks[0] != 0 || b.settled[0].Cost.Basis != c.basis || len(b.held) != 0 {
				t.Errorf("the book has %+v, marks %v, holds %v", b.settled, b.marks, b.held)
			}
		})
	}
}

func is(x *float64, want float64) bool {
	if x == nil || want < 0 {
		return x == nil && want < 0
	}
	return *x == want
}

func show(x *float64) any {
	if x == nil {
		return "unknown"
	}
	return *x
}

func sent(k provider.Kind, status int, text ...string) providertest.Answer {
	return providertest.Answer{Text: text, Err: &provider.Error{Kind: k, Status: status, Sent: true}}
}

func fails(k provider.Kind, text ...string) providertest.Answer {
	return providertest.Answer{Text: text, Err: provider.Errorf(k, "", "", "as scripted")}
}

// What becomes of a reservation, by how the call went.
func TestReservations(t *testing.T) {
	worst := (float64(16+16+len("hello"))*2 + 4096*8) / 1e6
	unsent := providertest.Answer{Err: provider.Errorf(provider.Unavailable, "", "", "refused")}
	for _, c := range []struct {
		name    string
		answer  providertest.Answer
		settled bool // else released
		usd     float64
		atMost  float64
	}{
		{"an answer", providertest.Answer{Text: []string{"a"}, Usage: usage}, true, (600*2.0 + 400*0.5 + 200*8.0) / 1e6, -1},
		{"never sent", unsent, false, 0, 0},
		{"refused", sent(provider.Invalid, 400), false, 0, 0},
		{"refused for its rate", sent(provider.RateLimited, 429), false, 0, 0},
		{"the server failed, and said so", sent(provider.Unavailable, 500), false, 0, 0},
		{"a gateway gave up", sent(provider.Unavailable, 502), true, -1, worst},
		{"a gateway's time ran out", sent(provider.Unavailable, 504), true, -1, worst},
		{"no answer in time", sent(provider.Timeout, 0), true, -1, worst},
		{"cut in the middle by one that does not say that it was sent", fails(provider.Truncated, "a"), true, -1, worst},
		{"cut in the middle", sent(provider.Truncated, 200, "a"), true, -1, worst},
		{"withheld by a filter", sent(provider.Filtered, 200), true, -1, worst},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &book{}
			_, _ = ask(t.Context(), ledger.New(paid(c.answer), ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{})
			if len(b.held) != 1 || b.held[0].USD != worst || b.held[0].Model != "big" {
				t.Fatalf("reserved %+v, want $%v for big", b.held, worst)
			}
			if !c.settled {
				if b.released != 1 || len(b.settled) != 0 {
					t.Errorf("released %d, settled %+v; want it given back", b.released, b.settled)
				}
				return
			}
			if b.released != 0 || len(b.settled) != 1 || b.marks[0] != 1 {
				t.Fatalf("released %d, settled %+v", b.released, b.settled)
			}
			if e := b.settled[0]; !is(e.Cost.USD, c.usd) || !is(e.AtMost, c.atMost) {
				t.Errorf("settled with %v, at most %v; want %v, %v", show(e.Cost.USD), show(e.AtMost), c.usd, c.atMost)
			}
		})
	}
}

func TestAConsumerThatLeavesIsChargedForTheWorst(t *testing.T) {
	b := &book{}
	l := ledger.New(paid(providertest.Text("a", "b")), ledger.Config{Tariff: said, Book: b, Budget: true})
	for range l.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hello")}}) {
		break
	}
	if len(b.settled) != 1 || b.settled[0].AtMost == nil || b.settled[0].Cost.USD != nil {
		t.Errorf("settled %+v, want what it can have cost at most", b.settled)
	}
}

// The run in the context is the one whose budget counts, and the longest
// answer that was paid for is the longest that is asked for.
func TestReservesForTheRunAndTheAnswersLength(t *testing.T) {
	for _, c := range []struct {
		asked *int
		sent  int
	}{{nil, ledger.DefaultMaxTokens}, {provider.Ptr(10), 10}} {
		b, p := &book{}, paid()
		ctx := provider.WithRun(t.Context(), provider.Run{ID: "r1"})
		if _, err := ask(ctx, ledger.New(p, ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{MaxTokens: c.asked}); err != nil {
			t.Fatal(err)
		}
		if b.held[0].Run != "r1" || b.settled[0].Run != "r1" {
			t.Errorf("run %q held, %q settled", b.held[0].Run, b.settled[0].Run)
		}
		if got := p.Calls()[0].MaxTokens; got == nil || *got != c.sent {
			t.Errorf("max_tokens %v was sent, want %d", got, c.sent)
		}
	}
}

// A model that has to mend its answer is asked more than once, and each time is
// reserved, settled and counted.
func TestEachRepairIsReserved(t *testing.T) {
	b, p := &book{}, paid(providertest.Text("No."), providertest.Text(`{"a":1}`))
	mended := structured.New(ledger.New(p, ledger.Config{Tariff: said, Book: b, Budget: true}), structured.Config{})
	r, err := ask(t.Context(), mended, provider.Request{Schema: &provider.Schema{JSON: []byte(`{"type":"object"}`)}})
	if err != nil || r.Route.Repairs != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(b.held) != 2 || len(b.settled) != 2 || b.held[1].USD <= b.held[0].USD {
		t.Fatalf("held %+v, settled %+v", b.held, b.settled)
	}
	if want := *b.settled[0].Cost.USD + *b.settled[1].Cost.USD; math.Abs(*r.Route.Cost.USD-want) > 1e-12 || *r.Route.Cost.USD <= *b.settled[0].Cost.USD {
		t.Errorf("the answer cost %v, and the book has %v", *r.Route.Cost.USD, want)
	}
}

// A schema counts in the longest form in which it is sent.
func TestASchemaCountsAsItIsSent(t *testing.T) {
	price := ledger.Price{Input: 1, CachedInput: 1, Output: 1}
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}, MaxTokens: provider.Ptr(1)}
	bare := price.Worst(&req)
	part := `{"type":"object","properties":{"one":{"type":"string"},"two":{"type":"string"},"three":{"type":"string"}}}`
	req.Schema = &provider.Schema{JSON: []byte(`{"$defs":{"p":` + part + `},"type":"object","properties":{"a":{"$ref":"#/$defs/p"},"b":{"$ref":"#/$defs/p"},"c":{"$ref":"#/$defs/p"},"d":{"$ref":"#/$defs/p"}}}`)}
	if more := (price.Worst(&req) - bare) * 1e6; more < float64(4*len(part)) {
		t.Errorf("it counts as %v tokens, and written out it has more than %d bytes", more, 4*len(part))
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	over := &ledger.Over{Budget: "budget.per_day_usd", Limit: 1, Left: 0.001, Need: 0.0329}
	for _, c := range []struct {
		name   string
		cfg    ledger.Config
		refuse error
		say    string
	}{
		{"over the budget", ledger.Config{Tariff: said}, over, "budget.per_day_usd is $1.00, with $0.001 left, and this call could cost up to $0.033"},
		{"the book cannot be kept", ledger.Config{Tariff: said}, errors.New("the disk is full"), "the budget cannot be kept, so nothing was sent: the disk is full"},
		{"no price", ledger.Config{Tariff: ledger.Tariff{Model: "big"}}, nil, "a budget is set, but no price for big; set `price`"},
		{"a price that the configuration has, though on this machine", ledger.Config{Tariff: said, Local: here}, over, "budget.per_day_usd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Book, c.cfg.Budget = &book{refuse: c.refuse}, true
			p := paid()
			_, err := ask(t.Context(), ledger.New(p, c.cfg), provider.Request{})
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != provider.OverBudget || e.Provider != "paid" || !strings.Contains(err.Error(), c.say) {
				t.Errorf("got %v, want over budget: %s", err, c.say)
			}
			if len(p.Calls()) != 0 {
				t.Error("it was asked")
			}
			if got := ledger.New(p, c.cfg).Fits(t.Context(), &provider.Request{Messages: []provider.Message{provider.User("hello")}}); got == nil || got.Error() != err.Error() {
				t.Errorf("Fits says %v, want %v", got, err)
			}
		})
	}
}

func TestLocalPassesAnyBudget(t *testing.T) {
	b := &book{refuse: errors.New("the disk is full")}
	l := ledger.New(&providertest.Fake{}, ledger.Config{Tariff: ledger.Tariff{Model: "small"}, Local: here, Book: b, Budget: true})
	if r, err := ask(t.Context(), l, provider.Request{}); err != nil || *r.Route.Cost.USD != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   ledger.Config
		usd   float64
		known bool
	}{
		{"priced", ledger.Config{Tariff: said}, 0.002, true},
		{"local", ledger.Config{Local: here}, 0, true},
		{"local, and priced", ledger.Config{Tariff: said, Local: here}, 0.002, true},
		{"nobody knows", ledger.Config{}, 0, false},
	} {
		usd, known := ledger.New(paid(), c.cfg).Quote(t.Context(), &provider.Request{}, 1000)
		if usd != c.usd || known != c.known {
			t.Errorf("%s: $%v, %v; want $%v, %v", c.name, usd, known, c.usd, c.known)
		}
		if err := ledger.New(paid(), c.cfg).Fits(t.Context(), &provider.Request{}); err != nil {
			t.Errorf("%s: without a budget it does not fit: %v", c.name, err)
		}
	}
}

func TestTheCallersContextErrorComesBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := &book{refuse: context.Canceled}
	if _, err := ask(ctx, ledger.New(paid(), ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestDollars(t *testing.T) {
	for usd, want := range map[float64]string{0: "$0", 12.345: "$12.35", 0.5: "$0.50", 0.0329: "$0.033", 0.00000123: "$0.0000012", -0.5: "-$0.50"} {
		if got := ledger.Dollars(usd); got != want {
			t.Errorf("%v is %s, want %s", usd, got, want)
		}
	}
}

func TestLedgerIsAProvider(t *testing.T) {
	providertest.TestLive(t, providertest.Live{
		New: func(*testing.T) provider.Provider {
			return ledger.New(&providertest.Fake{ProviderName: "fake", Answers: []providertest.Answer{providertest.Text("a", "b", "c")}}, ledger.Config{Book: &book{}})
		},
		Model: "scripted", Endpoint: "fake://fake", Answers: "fake",
	})
}

// BenchmarkChat is one call: bare, with its cost, and with a reservation in
// memory. The difference is the ledger's own work.
func BenchmarkChat(b *testing.B) {
	req := provider.Request{Messages: []provider.Message{provider.User("hello")}}
	for _, c := range []struct {
		name string
		p    func(*providertest.Fake) provider.Provider
	}{
		{"bare", func(f *providertest.Fake) provider.Provider { return f }},
		{"cost", func(f *providertest.Fake) provider.Provider {
			return ledger.New(f, ledger.Config{Tariff: said, Book: discard{}})
		}},
		{"budget in memory", func(f *providertest.Fake) provider.Provider {
			return ledger.New(f, ledger.Config{Tariff: said, Book: discard{}, Budget: true})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := c.p(&providertest.Fake{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := provider.Collect(p.Chat(b.Context(), req)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Reserve(context.Context, ledger.Reservation) (int64, error) { return 1, nil }
func (discard) Fits(context.Context, ledger.Reservation) error             { return nil }
func (discard) Renew(int64)                                                {}
func (discard) Release(int64)                                              {}
func (discard) Settle(int64, ledger.Entry)                                 {}
