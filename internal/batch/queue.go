package batch

import (
	"context"
	"time"
)

// Item is one run that a batch asks for: a row, in one of the batch's variants,
// once.
type Item struct {
	Row     int            // from 1
	Number  int            // of the row in the input, from 1; 0: not known
	Variant int            // from 0
	Repeat  int            // from 0
	Attempt int            // from 1: how often it has been claimed
	Inputs  map[string]any // of the chain

	id int64 // in the order of the output
}

// Fate is what becomes of a claimed item.
type Fate int

// The fates.
const (
	Done    Fate = iota // it was answered
	Failed              // it was not, and is not tried again unless somebody asks for it
	Again               // its turn comes again
	Unasked             // it was not asked: as if it had not been claimed
)

// Outcome is what came of an item.
type Outcome struct {
	Item
	Reply
	Took time.Duration
	Fate Fate
}

// Queue gives out items and keeps what came of them. It belongs to one [Work] at a
// time.
type Queue interface {
	// Exchange keeps outcomes of items that were claimed, and claims up to n more: the
	// next ones in order, and after those the ones that come again. Both happen, durably
	// where the queue is durable, or neither does. An item's outcome is kept once.
	// Fewer than n items may be given at a time; exhausted says that none are left
	// to claim.
	Exchange(ctx context.Context, outcomes []Outcome, n int) (items []Item, exhausted bool, err error)
}

// Run runs one item. It is called from several goroutines.
type Run func(ctx context.Context, item Item) Reply
