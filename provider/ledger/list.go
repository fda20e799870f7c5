package ledger

import "regexp"

// ListDate is when the prices of the built-in list were looked up. They change;
// a `price` in the configuration goes before the list.
const ListDate = "2025-08"

// listPrice returns the price that OpenAI asks for a model, from the built-in
// list. A name that ends in a date, as servers give it in their answers, has
// the price of the name without it, unless the list has it itself.
func listPrice(model string) (Price, bool) {
	p, ok := listed(model)
	if !ok {
		p, ok = listed(dated.ReplaceAllString(model, ""))
	}
	return p, ok
}

var dated = regexp.MustCompile(`-\d{4}-\d{2}-\d{2}$`)

// listed is the list: standard processing, text, US dollars a million tokens.
func listed(model string) (Price, bool) {
	switch model {
	case "gpt-5", "gpt-5-chat-latest":
		return Price{1.25, 0.125, 10}, true
	case "gpt-5-mini":
		return Price{0.25, 0.025, 2}, true
	case "gpt-5-nano":
		return Price{0.05, 0.005, 0.40}, true
	case "gpt-4.1":
		return Price{2, 0.50, 8}, true
	case "gpt-4.1-mini":
		return Price{0.40, 0.10, 1.60}, true
	case "gpt-4.1-nano":
		return Price{0.10, 0.025, 0.40}, true
	case "gpt-4o":
		return Price{2.50, 1.25, 10}, true
	case "gpt-4o-2024-05-13":
		return Price{5, 5, 15}, true
	case "gpt-4o-mini":
		return Price{0.15, 0.075, 0.60}, true
	case "o1":
		return Price{15, 7.50, 60}, true
	case "o3":
		return Price{2, 0.50, 8}, true
	case "o3-mini":
		return Price{1.10, 0.55, 4.40}, true
	case "o4-mini":
		return Price{1.10, 0.275, 4.40}, true
	case "gpt-4-turbo":
		return Price{10, 10, 30}, true
	case "gpt-3.5-turbo":
		return Price{0.50, 0.50, 1.50}, true
	}
	return Price{}, false
}
