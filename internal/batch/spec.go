// Package batch runs a chain for many rows so that a crash loses none and asks
// none twice that was answered. A batch is rows × variants × repeats; a plain one
// has one variant and one repeat.
//
// [Work] runs the items of a [Queue]: that of a [File], which is one SQLite
// database a batch, or one in memory, which is behind [Each].
package batch

import (
	"encoding/json"
	"time"
)

// Spec says what a batch is. It is stored with its rows, and all that decides the
// answers is in it: who resumes a batch compares.
type Spec struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // batch, or what the rows are run for, such as compare
	Created time.Time `json:"created"`
	Tandem  string    `json:"tandem"` // version
	Dir     string    `json:"dir"`    // the directory that the batch was started in
	Args    []string  `json:"args,omitempty"`
	Chain   Source    `json:"chain"`
	Input   Source    `json:"input"`
	Out     string    `json:"out,omitempty"` // absolute; "-": standard output
	// EscapeFormulas: texts in a CSV or TSV file of answers cannot run as formulas.
	EscapeFormulas bool `json:"escape_formulas,omitempty"`
	// Given are the inputs that every row has the same.
	Given   map[string]any `json:"given,omitempty"`
	Columns []string       `json:"columns"` // the inputs that come from the rows
	// Settings are what else decides the answers, such as the providers' models, by
	// name: what differs between two of them says why they do not agree.
	Settings map[string]string `json:"settings,omitempty"`
	// Owner is the program that runs the batch and nobody else does: [OwnerServe], or
	// empty: whoever resumes it.
	Owner string `json:"owner,omitempty"`
	// Ended is how a batch ended that did not run to its end, as its owner decided: one of
	// [StateFailed], [Cancelled] and [StateExpired]; empty: it did, or has not ended.
	Ended State `json:"ended,omitempty"`
	// Mistakes are what is wrong with the rows of one that failed, with their lines.
	Mistakes []string `json:"mistakes,omitempty"`
	// BatchAPI is the provider whose Batch API runs the rows; empty: they are asked one
	// by one.
	BatchAPI string `json:"batch_api,omitempty"`
	// Cluster is the id of the cluster whose nodes run the rows; empty: this machine does.
	Cluster  string `json:"cluster,omitempty"`
	Picked   string `json:"picked,omitempty"` // which rows of the input, in words; empty: all
	Variants int    `json:"variants"`
	Repeats  int    `json:"repeats"`
	// Block is how many rows are run variant by variant, so that a model stays in
	// memory for them, and then the next ones; 0: each row in all of its variants.
	Block int `json:"block,omitempty"`
	// Extra is what whoever made the batch keeps with it.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// OwnerServe owns the batches that came over HTTP.
const OwnerServe = "serve"

// Source is a file that a batch was made from, as it was then.
type Source struct {
	Name   string `json:"name,omitempty"` // the chain's own
	File   string `json:"file,omitempty"` // absolute; "-": standard input
	Size   int64  `json:"size,omitempty"` // bytes
	Digest string `json:"digest,omitempty"`
	Text   string `json:"text,omitempty"` // of a chain
}

// State is how far a batch has come.
type State string

// The states.
const (
	Reading      State = "reading"   // its rows are not all stored
	Waiting      State = "waiting"   // nobody runs it, and rows are left, or their answers are not written
	Running      State = "running"   // a process runs it
	Cancelled    State = "cancelled" // somebody has stopped it
	Finished     State = "finished"  // all that was to be done is done, though rows may have failed
	StateFailed  State = "failed"    // none of its rows was run, because some of them are wrong
	StateExpired State = "expired"   // its time was over before all of its rows were run
)

// Status is how far a batch has come, and what it has come to.
type Status struct {
	Spec
	State    State   `json:"state"`
	Over     bool    `json:"-"`                // all that was to be done is done: it is never Waiting again by itself
	Holder   *Holder `json:"holder,omitempty"` // who runs it
	Rows     int     `json:"rows"`             // of the input
	Total    int     `json:"total"`            // rows × variants × repeats
	Done     int     `json:"done"`
	Failed   int     `json:"failed"`
	Active   int     `json:"active"`         // claimed by who runs it
	Sent     int     `json:"sent,omitempty"` // to a provider's Batch API or to nodes, and not collected yet
	Left     int     `json:"left"`
	Fallback int     `json:"fallback"` // answered by another provider than the first
	Repeated int     `json:"repeated"` // at most so many calls were made twice, because a process ended

	Parts []Part `json:"parts,omitempty"` // what is at a provider's Batch API

	Failures map[string]int `json:"failures,omitempty"`    // by kind
	Answered map[string]int `json:"answered_by,omitempty"` // by provider
	// Hosts are those answered by a provider with several, as provider/host, and Nodes those
	// that nodes answered.
	Hosts map[string]int `json:"answered_by_host,omitempty"`
	Nodes map[string]int `json:"answered_by_node,omitempty"`

	Input    int64   `json:"input_tokens"`
	Output   int64   `json:"output_tokens"`
	USD      float64 `json:"cost_usd"`
	Saved    float64 `json:"saved_usd"`
	Unpriced int     `json:"unpriced"` // whose cost is not known
	// Busy is how long its items took together, and Ran how long processes ran it.
	Busy time.Duration `json:"busy_ns"`
	Ran  time.Duration `json:"ran_ns"`
	// Waits is how often rows waited because interactive calls went first, and Waited
	// how long; Waiting: they do now.
	Waits   int           `json:"interactive_waits"`
	Waited  time.Duration `json:"interactive_wait_ns"`
	Waiting bool          `json:"waiting_for_interactive"`
	// Away: no provider answers, and rows wait for one.
	Away bool `json:"waiting_for_provider"`
}
