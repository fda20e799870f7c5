package ledger

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// listed is a model of the built-in list.
type listed struct {
	model string
	Price
	// over is the prompt, in tokens, above which a call costs long instead; 0:
	// it never does.
	over int
	long Price
	// bound says that a prompt that is written to the server's cache costs what Input
	// is, and any other less: how much is written is not reported.
	bound bool
}

// staleAfter is the age from which the built-in list should not be relied on.
const staleAfter = 180 * 24 * time.Hour

// StaleList says that the built-in list is too old to be relied on at a time,
// or "". Prices change; a `price` in the configuration goes before the list.
func StaleList(now time.Time) string {
	date, err := time.Parse(time.DateOnly, ListDate)
	if err == nil && now.Sub(date) <= staleAfter {
		return ""
	}
	return fmt.Sprintf("the built-in price list is from %s (%s), more than 180 days ago: prices may have changed, so set `price` for the provider", ListDate, listSource)
}

// listPrice returns the price that OpenAI asks for a model, from the built-in
// list. A name that ends in a date, as servers give it in their answers, has
// the price of the name without it, unless the list has it itself.
func listPrice(model string) (listed, bool) {
	p, ok := listedModel(model)
	if !ok {
		p, ok = listedModel(dated().ReplaceAllString(model, ""))
	}
	return p, ok
}

var dated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`-\d{4}-\d{2}-\d{2}$`)
})

func listedModel(model string) (listed, bool) {
	i, ok := slices.BinarySearchFunc(prices[:], model, func(l listed, name string) int { return strings.Compare(l.model, name) })
	if !ok {
		return listed{}, false
	}
	return prices[i], true
}
