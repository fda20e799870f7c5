package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// answerer is who gave an answer: "local (qwen3:8b)". Where the prompt left this
// machine, it is followed by where it went: "openai (gpt-4o-mini) at
// https://api.openai.com".
func answerer(r *provider.Route) string {
	text := r.Who() + " (" + r.Model + ")"
	switch {
	case r.Local, r.Host != "" && strings.Contains(r.Endpoint, "://"+r.Host): // the name is the address

	case r.Endpoint == "":
		text += " at an unknown address"
	default:
		text += " at " + r.Endpoint
	}
	if r.Gateway != "" {
		text += " through " + r.Gateway
	}
	return text
}

// routeLine says who answered, what that took, and why it was not the first
// choice, where it was not.
func routeLine(r *provider.Route, u *provider.Usage) string {
	parts := append([]string{"answered by " + answerer(r)}, tokensText(u)...)
	if c := r.Cost; c != nil && c.USD != nil && *c.USD > 0 {
		parts = append(parts, ledger.Dollars(*c.USD))
	}
	if r.Total > 0 {
		took := short(r.Total)
		if r.Load > time.Second {
			took += fmt.Sprintf(" (%s of it loading the model)", short(r.Load))
		}
		parts = append(parts, took)
	}
	if r.Repairs > 0 {
		parts = append(parts, fmt.Sprintf("repaired %s to match the schema", times(r.Repairs)))
	}
	if why := notFirst(r.Reason); why != "" {
		parts = append(parts, why)
	}
	return noteLine(append(parts, alsoSent(r)...))
}

// alsoSent says where else the prompt may have gone, before this machine or another
// answered.
func alsoSent(r *provider.Route) (parts []string) {
	for _, address := range r.SentElsewhere() {
		if address != r.Endpoint {
			parts = append(parts, "the prompt also went to "+address)
		}
	}
	return parts
}

// noteLine is the parts of a line about an answer.
func noteLine(parts []string) string { return terminal.OneLine("· " + strings.Join(parts, " · ")) }

// notFirst is what a route's reason says besides that the answerer was the first
// choice.
func notFirst(reason string) string {
	reason = strings.TrimSuffix(reason, ": "+provider.FirstChoice)
	if rest, ok := strings.CutPrefix(reason, provider.FirstChoice); ok {
		return strings.TrimLeft(rest, ",; ")
	}
	return reason
}

func tokensText(u *provider.Usage) []string {
	if u == nil {
		return nil
	}
	return []string{fmt.Sprintf("%d+%d tokens", u.InputTokens, u.OutputTokens)}
}

// endLine says who answered a step's calls.
func endLine(r *chain.StepResult) string {
	var who []string
	for _, a := range r.Answered {
		text := answerer(&provider.Route{Provider: a.Provider, Host: a.Host, Model: a.Model, Local: a.Local, Endpoint: a.Endpoint, Gateway: a.Gateway})
		if a.Calls > 1 {
			text += fmt.Sprintf(" %d times", a.Calls)
		}
		who = append(who, text)
	}
	if len(who) == 0 && r.Route != nil {
		who = append(who, answerer(r.Route))
	}
	line := r.Name + ": "
	switch {
	case r.Skipped:
		return noteLine([]string{line + "skipped, its condition is false"})
	case len(who) > 0:
		line += "answered by " + strings.Join(who, ", ")
	default:
		line += "done"
	}
	if r.Chosen != "" {
		line += ", the branch is " + r.Chosen
	}
	parts := append(append([]string{line}, tokensText(r.Usage)...), short(r.Took))
	if r.Route != nil {
		parts = append(parts, alsoSent(r.Route)...)
	}
	return noteLine(parts)
}

// passagesLine says what was found, and who made the question's vector.
func passagesLine(r *chain.StepResult) string {
	var places []string
	for _, p := range r.Passages {
		places = append(places, p.Place())
	}
	parts := []string{count(len(places), "passage") + ": " + strings.Join(places, ", ")}
	if r.Route != nil {
		parts = append(parts, "embedded by "+answerer(r.Route))
	}
	return noteLine(parts)
}

// vectorsLine says who made vectors, and what they took.
func vectorsLine(r *provider.Route, took time.Duration, spent []string) string {
	parts := append([]string{"embedded by " + answerer(r)}, spent...)
	return noteLine(append(parts, short(took)))
}
