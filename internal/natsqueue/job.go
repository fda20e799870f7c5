package natsqueue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// Manifest is what nodes have to know of a batch. Keys and addresses of providers are not
// in it: a node has its own.
type Manifest struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Tandem  string    `json:"tandem"` // version
	Host    string    `json:"host"`   // that it was submitted on
	// Stopped is why no more rows are started; nil: they are.
	Stopped *Stop `json:"stopped,omitempty"`
	Rows    int   `json:"rows"`

	Chain string `json:"chain,omitempty"` // its file, in the bundle; empty: its rows are requests, or it compares
	// Models, of a batch of requests, is who is asked for each model that they name.
	Models map[string]Model `json:"models,omitempty"`
	// Plan, of a comparison, has its variants, and the files of its chains in the bundle.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Digest is that of the bundle, of who is asked, and of the inputs that all rows have.
	Digest string `json:"digest"`
	// Bundle is where the chain's files are, as a ZIP file; Given the inputs that every row
	// has the same.
	Bundle reference `json:"bundle"`
	Given  reference `json:"given"`

	Defaults  provider.Request `json:"defaults"` // what the steps leave unset
	Strict    bool             `json:"strict,omitempty"`
	Local     bool             `json:"local,omitempty"` // only a node's local providers may answer
	Tools     []string         `json:"tools,omitempty"`
	Providers []Provider       `json:"providers"` // that may be asked
	BudgetUSD *float64         `json:"budget_usd,omitempty"`
}

// Provider is one that a node has to have for a batch.
type Provider struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Model string `json:"model,omitempty"` // that its configuration has to name; empty: any
}

// Model is who is asked for a model.
type Model struct {
	Use   []string `json:"use"`             // the providers, in their order
	Model string   `json:"model,omitempty"` // its name there; empty: each has its own
}

// digest is that of all that decides the answers of all rows. given are the inputs that
// they all have, as JSON.
func (m *Manifest) digest(bundle []byte, given string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%d\n%s%s", m.Chain, len(bundle), bundle, given)
	if m.Models != nil || m.Plan != nil {
		text, err := json.Marshal([]any{m.Models, m.Plan})
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Stop is why a batch starts no more rows.
type Stop struct {
	Why string `json:"why"`
	// Limit, Left and Need are of a budget that has no room, in US dollars.
	Limit float64 `json:"limit_usd,omitempty"`
	Left  float64 `json:"left_usd,omitempty"`
	Need  float64 `json:"need_usd,omitempty"`
}

// Why a batch was stopped.
const (
	StopCancelled = "cancelled"
	StopBudget    = "over_budget"
	StopDone      = "done"
)

// job is a row as it travels.
type job struct {
	ID      string          `json:"id"`
	Row     int             `json:"row"`
	Number  int             `json:"number,omitempty"`
	Variant int             `json:"variant,omitempty"`
	Repeat  int             `json:"repeat,omitempty"`
	Attempt int             `json:"attempt"`
	Silent  int             `json:"silent,omitempty"` // how often it was delivered before and not given back
	Inputs  json.RawMessage `json:"inputs"`           // without those that all rows have
}

// place is where a row belongs.
type place struct{ row, variant, repeat int }

func placeOf(it *batch.Item) place { return place{it.Row, it.Variant, it.Repeat} }

// subject is what a row's message is sent to.
func subject(batch string, p place) string {
	return fmt.Sprintf("jobs.%s.%d-%d-%d", batch, p.row, p.variant, p.repeat)
}

// newJob is an item as it travels. Its id is a digest of all that decides the answer.
func newJob(m *Manifest, given map[string]any, it *batch.Item) (*job, error) {
	own := make(map[string]any, len(it.Inputs))
	for name, value := range it.Inputs {
		if _, is := given[name]; !is {
			own[name] = value
		}
	}
	inputs, err := batch.EncodeInputs(own)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal([]any{m.ID, it.Row, it.Variant, it.Repeat, it.Attempt, inputs, m.Digest, m.Defaults, m.Providers})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return &job{ID: hex.EncodeToString(sum[:16]), Row: it.Row, Number: it.Number, Variant: it.Variant, Repeat: it.Repeat, Attempt: it.Attempt, Inputs: json.RawMessage(inputs)}, nil
}

// What a record is about.
const (
	recordResult = "result"
	recordExtra  = "extra"    // what was spent besides
	recordBack   = "returned" // what was spent before the row was given back
)

// record is what a node says of a row.
type record struct {
	Kind       string        `json:"kind"`
	ID         string        `json:"id"` // the job's
	Row        int           `json:"row"`
	Number     int           `json:"number,omitempty"`
	Variant    int           `json:"variant,omitempty"`
	Repeat     int           `json:"repeat,omitempty"`
	Node       string        `json:"node"` // its name
	Nonce      string        `json:"nonce"`
	Failed     bool          `json:"failed,omitempty"`
	Sent       time.Time     `json:"sent,omitzero"`      // when its message was, by the cluster's clock
	Deliveries int           `json:"deliveries"`         // of that message
	Silent     int           `json:"silent,omitempty"`   // as the job's
	Repeated   int           `json:"repeated,omitempty"` // calls that may have been made twice
	Took       time.Duration `json:"took_ns"`
	Tally      batch.Tally   `json:"tally"`
	Result     runner.Result `json:"result"`
}

// returned is a record as the batch's file stores it.
func (r *record) returned() batch.Returned {
	out := batch.Outcome{
		Item: batch.Item{Row: r.Row, Number: r.Number, Variant: r.Variant, Repeat: r.Repeat}, Reply: batch.Reply{Result: r.Result, Tally: r.Tally}, Took: r.Took, Fate: batch.Done,
	}
	if r.Failed {
		out.Fate = batch.Failed
	}
	return batch.Returned{Outcome: out, Deliveries: r.Silent + r.Deliveries, Extra: r.Kind != recordResult, Repeated: r.Repeated}
}

func resultKey(id string) string       { return "r." + id }
func extraKey(id, nonce string) string { return "x." + id + "." + nonce }
func begunKey(id, nonce string) string { return "b." + id + "." + nonce }
func manifestKey(batch string) string  { return "batch." + batch }

// budgetKey is where what a batch has spent and reserved is.
const budgetKey = "budget"
