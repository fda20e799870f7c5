package provider

import (
	"slices"
	"time"
)

// Route says who answered, where the prompt went, and why. Adapters fill in
// what they know about their one attempt; the router adds who else was
// considered.
//
// A Route, and what it points to, is not changed once it is yielded: a provider
// may yield the same one to many callers. Whoever changes a Route copies it
// first, and its Attempts before they are changed or appended to. The same holds
// for a [Usage]. The suite's RunWrapper checks it.
type Route struct {
	Provider string `json:"provider"`             // Name of the provider that answered
	Host     string `json:"host,omitempty"`       // which of its hosts, such as gpu2:11434; empty: it has one
	Model    string `json:"model"`                // as the engine named it in its answer
	Endpoint string `json:"endpoint"`             // where the prompt went, scheme://host[:port], no credentials
	Local    bool   `json:"local"`                // the peer's address was this machine's, and its server is known to run the model itself
	Reason   string `json:"reason"`               // one clause, such as FirstChoice or "fallback: local: …"
	Request  string `json:"request_id,omitempty"` // the server's own id, for a support ticket
	// Gateway names the gateway that, by the answer, the prompt went through,
	// such as "litellm (https://api.openai.com)", or the host that really ran
	// an Ollama's model. Empty: none is known.
	Gateway string `json:"gateway,omitempty"`

	// Missing is the provider's default model, which its server does not have, so that
	// Model answered instead. Empty: that was asked, or the request named one.
	Missing string `json:"missing_model,omitempty"`

	// MaxTokens is the request's own MaxTokens, where the answer reached it and was
	// cut there. 0: it was not, or the server did not count its tokens.
	MaxTokens int `json:"max_tokens,omitempty"`

	// Warnings are what a reader of the answer should know of it, a sentence each,
	// such as that the server seems to have cut the prompt.
	Warnings []string `json:"warnings,omitempty"`

	FirstToken time.Duration `json:"first_token_ns"`    // from the call to the first content
	Total      time.Duration `json:"total_ns"`          // from the call to the finish
	Load       time.Duration `json:"load_ns,omitempty"` // of Total: loading the model, if reported
	// Working is the part of Total in which the engine read the prompt and wrote the
	// answer, if reported. For the rest the call waited, such as for others.
	Working time.Duration `json:"working_ns,omitempty"`

	// Repairs is how often the model was asked again because its answer was not
	// what the schema asks for. Usage and Cost count every answer.
	Repairs int `json:"repairs,omitempty"`

	// Cost is what the answer cost; nil without a ledger.
	Cost *Cost `json:"cost,omitempty"`

	// Attempts lists every target considered, in order, the one that answered
	// last. An adapter alone leaves it empty.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Who is who answered: the provider, and which of its hosts, as in "house/gpu2:11434".
func (r *Route) Who() string { return who(r.Provider, r.Host) }

// Who is who was considered, as [Route.Who] has it.
func (a *Attempt) Who() string { return who(a.Provider, a.Host) }

// FellBack reports whether another provider than the first that was considered answered.
// Another host of the same one is no fallback.
func (r *Route) FellBack() bool {
	return slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Provider != r.Provider })
}

// Stayed reports whether the prompt stayed on this machine: it was answered there, and
// nobody elsewhere was asked before.
func (r *Route) Stayed() bool { return r.Local && len(r.SentElsewhere()) == 0 }

// SentElsewhere are the addresses, each once, at which others than the one that answered
// may have got the prompt, and which are not on this machine.
func (r *Route) SentElsewhere() []string { return SentElsewhere(r.Attempts) }

// SentElsewhere are the addresses, each once, at which the prompt may have arrived without
// an answer, and which are not on this machine.
func SentElsewhere(attempts []Attempt) (addresses []string) {
	for i := range attempts {
		a := &attempts[i]
		if a.SentTo != "" && !a.Local && a.Outcome != OutcomeAnswered && !slices.Contains(addresses, a.SentTo) {
			addresses = append(addresses, a.SentTo)
		}
	}
	return addresses
}

func who(name, host string) string {
	if host == "" {
		return name
	}
	return name + "/" + host
}

// FirstChoice is how the Reason of an answer from the first target begins.
const FirstChoice = "first choice"

// Cost is what an answer cost, in US dollars, from the usage that the server
// gave. What is not known is nil, never a guess.
type Cost struct {
	USD   *float64 `json:"usd"`       // nil: the price or the usage is not known
	Saved *float64 `json:"saved_usd"` // how much more the baseline provider would have cost; nil: there is none, or its price is unknown
	Basis string   `json:"basis"`     // where the price comes from, such as "local", "configuration", "list of 2026-11-01", "no price for gpt-9"
}

// Attempt is one target that a router considered.
type Attempt struct {
	Provider string        `json:"provider"`
	Host     string        `json:"host,omitempty"` // which of its hosts; empty: it has one
	Model    string        `json:"model,omitempty"`
	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"` // why it was skipped or failed, one line
	Kind     Kind          `json:"kind,omitempty"`   // of the failure
	Took     time.Duration `json:"took_ns,omitempty"`
	Tries    int           `json:"tries,omitempty"`   // calls made, retries included
	SentTo   string        `json:"sent_to,omitempty"` // where the prompt may have gone, scheme://host[:port] or [UnknownAddress]; empty: nowhere
	Local    bool          `json:"local,omitempty"`   // SentTo is this machine, and its server is known to run the model itself
	// MayBeCharged says that a call of it that failed may be charged, by [Error.MayBeCharged].
	// What it costs is not known, and in no [Cost].
	MayBeCharged bool `json:"may_be_charged,omitempty"`
	// PromptTokens is the prompt's size as known before the call; Estimated
	// says that it was not counted by the engine's own tokenizer.
	PromptTokens int  `json:"prompt_tokens,omitempty"`
	Estimated    bool `json:"estimated,omitempty"`
}

// UnknownAddress is where a prompt has gone if its provider does not tell its endpoint.
const UnknownAddress = "an unknown address"

// Outcome is what became of an [Attempt].
type Outcome string

// The outcomes.
const (
	OutcomeAnswered Outcome = "answered"
	OutcomeFailed   Outcome = "failed"  // was called, and gave no complete answer
	OutcomeSkipped  Outcome = "skipped" // was not called
)
