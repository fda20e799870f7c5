package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A dollar a million tokens of the prompt, and four of the answer.
var tariff = ledger.Tariff{Model: "m", Override: ledger.PriceOverride{Input: provider.Ptr(1.0), Output: provider.Ptr(4.0)}}

func hello() provider.Request {
	return provider.Request{Model: "m", Messages: []provider.Message{provider.User("Hello")}, MaxTokens: provider.Ptr(100)}
}

func ExampleNew() {
	ctx := context.Background()
	model := &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"Hi"}, Usage: &provider.Usage{InputTokens: 1000, OutputTokens: 500}}}}
	l := ledger.New(model, ledger.Config{Tariff: tariff})
	req := hello()
	answer, err := provider.Collect(l.Chat(ctx, req))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ledger.Dollars(*answer.Route.Cost.USD), answer.Route.Cost.Basis)
	usd, known := l.Quote(ctx, &req, 2000)
	fmt.Println(ledger.Dollars(usd), known)
	_, embeds := l.Embedder()
	fmt.Println(embeds)
	// Output:
	// $0.003 configuration
	// $0.002 true
	// false
}

// A budget refuses a call before it is made.
func ExampleOver() {
	spent := &book{refuse: &ledger.Over{Budget: "budget.per_day_usd", Limit: 1, Left: 0.001, Need: 0.0029}}
	model := &providertest.Fake{}
	l := ledger.New(model, ledger.Config{Tariff: tariff, Book: spent, Budget: true})
	_, err := provider.Collect(l.Chat(context.Background(), hello()))
	var over *ledger.Over
	if errors.As(err, &over) {
		fmt.Println(provider.KindOf(err), over.Budget, ledger.Dollars(over.Left))
	}
	fmt.Println(len(model.Calls()), "calls")
	// Output:
	// over budget budget.per_day_usd $0.001
	// 0 calls
}

func ExampleTariff_PriceOf() {
	listed := ledger.Tariff{Listed: true}
	fmt.Println(listed.PriceOf("gpt-5-mini", "").Known, listed.PriceOf("no-such-model", "").Basis)
	price := tariff.PriceOf("m", "")
	fmt.Println(price.Input, price.Output, price.Basis)
	// Output:
	// true no price for no-such-model
	// 1 4 configuration
}

func ExamplePrice_USD() {
	price := ledger.Price{Input: 1, CachedInput: 0.5, Output: 4}
	fmt.Println(ledger.Dollars(price.USD(provider.Usage{InputTokens: 1000, CachedTokens: 400, OutputTokens: 500})))
	// Output: $0.0028
}

func ExamplePrice_Worst() {
	price := ledger.Price{Input: 1, Output: 4}
	req := hello() // at most 100 tokens
	fmt.Println(price.Worst(&req) >= 100*4/1e6)
	// Output: true
}

func ExampleDollars() {
	fmt.Println(ledger.Dollars(1.25), ledger.Dollars(0.0026), ledger.Dollars(0))
	// Output: $1.25 $0.0026 $0
}

func ExampleStaleList() {
	looked, err := time.Parse(time.DateOnly, ledger.ListDate)
	if err != nil {
		panic(err)
	}
	fmt.Println(ledger.StaleList(looked.AddDate(0, 1, 0)) == "")
	fmt.Println(ledger.StaleList(looked.AddDate(1, 0, 0)) == "")
	// Output:
	// true
	// false
}

func ExampleWithCaller() {
	budget := 0.5
	ctx := ledger.WithCaller(context.Background(), ledger.Caller{Name: "laptop", PerDayUSD: &budget})
	fmt.Println(ledger.CallerOf(ctx).Name, *ledger.CallerOf(ctx).PerDayUSD)
	// Output: laptop 0.5
}

func ExampleCallerOf() {
	fmt.Printf("%q\n", ledger.CallerOf(context.Background()).Name) // nobody said
	// Output: ""
}

func ExampleWithBudget() {
	// Any Book can keep a budget that work on several machines shares. This one is empty.
	shared := &book{refuse: &ledger.Over{Budget: "the budget of the batch", Limit: 1, Need: 0.0029}}
	l := ledger.New(&providertest.Fake{}, ledger.Config{Tariff: tariff})
	_, err := provider.Collect(l.Chat(ledger.WithBudget(context.Background(), shared), hello()))
	fmt.Println(errors.Is(err, provider.OverBudget))
	// Output: true
}
