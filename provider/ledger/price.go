package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Price is what tokens cost, in US dollars a million.
type Price struct {
	Input       float64 // of the prompt
	CachedInput float64 // of the part of the prompt that the server had cached
	Output      float64 // of the answer, thinking included
}

// USD is what u costs at p.
func (p Price) USD(u provider.Usage) float64 {
	cached := min(u.CachedTokens, u.InputTokens)
	return (float64(u.InputTokens-cached)*p.Input + float64(cached)*p.CachedInput + float64(u.OutputTokens)*p.Output) / 1e6
}

// dearestInput is the price of a prompt token of which it is not known
// whether it will be cached.
func (p Price) dearestInput() float64 { return max(p.Input, p.CachedInput) }

func (p Price) half() Price { return Price{p.Input / 2, p.CachedInput / 2, p.Output / 2} }

// atLeast is the dearer of p and q, part by part.
func (p Price) atLeast(q Price) Price {
	return Price{max(p.Input, q.Input), max(p.CachedInput, q.CachedInput), max(p.Output, q.Output)}
}

// PriceOverride is a price as a user wrote it down, in US dollars a million tokens, as
// [Price]; nil: not said.
type PriceOverride struct{ Input, CachedInput, Output *float64 }

func (s PriceOverride) isEmpty() bool {
	return s.Input == nil && s.CachedInput == nil && s.Output == nil
}

// applyTo returns s with what it leaves out taken from the list's price, if
// there is one. It reports whether that is a whole price.
func (s PriceOverride) applyTo(list Price, listed bool) (Price, bool) {
	p := list
	if s.Input != nil {
		p.Input = *s.Input
		p.CachedInput = *s.Input
	}
	if s.CachedInput != nil {
		p.CachedInput = *s.CachedInput
	}
	if s.Output != nil {
		p.Output = *s.Output
	}
	return p, listed || s.Input != nil && s.Output != nil
}

// Priced is a price, and where it comes from.
type Priced struct {
	Price
	Known bool
	Basis string // as in provider.Cost

	over int   // the prompt, in tokens, above which a call costs long; 0: it never does
	long Price // of the whole call then
}

// USD is what u costs.
func (p Priced) USD(u provider.Usage) float64 { return p.of(u.InputTokens).USD(u) }

// of is the price of a call whose prompt has so many tokens.
func (p Priced) of(promptTokens int) Price {
	if p.over > 0 && promptTokens > p.over {
		return p.long
	}
	return p.Price
}

// Tariff says what a provider's models cost.
type Tariff struct {
	// Model is the provider's own; Said is its price, and no other model's.
	Model    string
	Override PriceOverride
	// Listed says that the provider sells what the built-in list has.
	Listed bool
	// Raises says that Said is not the user's own word: it can only raise the
	// list's price.
	Raises bool
	// Priced says that the server is known to be paid, although Said has no
	// price: then no model is free there, as none is where Said has one.
	Priced bool
	// Half says that calls cost half of the price: those by a Batch API.
	Half bool
	// Tier is the service tier that Said is the price for; empty: the default.
	Tier string
}

func (t Tariff) priced() bool { return t.Priced || !t.Override.isEmpty() }

// PriceOf returns the price of a model: asked is its name as it was asked for,
// served as the server named it in its answer, "" before there is one.
func (t Tariff) PriceOf(asked, served string) Priced {
	p := t.fullPriceOf(asked, served)
	if t.Half && p.Known {
		p.Price, p.long, p.Basis = p.Price.half(), p.long.half(), p.Basis+", half price by the Batch API"
	}
	return p
}

func (t Tariff) fullPriceOf(asked, served string) Priced {
	if asked == "" {
		asked = t.Model
	}
	name, list, known := asked, listed{}, false
	if t.Listed {
		if served != "" {
			name = served
			list, known = listPrice(served)
		}
		if !known {
			name = asked
			list, known = listPrice(asked)
		}
	}
	if asked == t.Model && !t.Override.isEmpty() {
		if p, whole := t.Override.applyTo(list.Price, known); whole {
			out := Priced{Price: p, Known: true, Basis: "configuration"}
			if t.Raises && known {
				out.Price, out.over = p.atLeast(list.Price), list.over
				out.long = p.atLeast(list.long)
			}
			return out
		}
		return Priced{Basis: "incomplete price for " + asked + " in the configuration"}
	}
	if known {
		basis := "list of " + ListDate
		if list.bound {
			basis += ", at most"
		}
		return Priced{Price: list.Price, Known: true, Basis: basis, over: list.over, long: list.long}
	}
	return Priced{Basis: "no price for " + name}
}

// Dollars writes an amount as a person would: $1.25, $0.0026, $0.0000012.
func Dollars(usd float64) string {
	switch {
	case usd == 0:
		return "$0"
	case usd < 0:
		return "-" + Dollars(-usd)
	case usd >= 0.1:
		return fmt.Sprintf("$%.2f", usd)
	}
	text := strconv.FormatFloat(usd, 'g', 2, 64)
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(x, 'f', -1, 64)
	}
	return "$" + strings.TrimSpace(text)
}
