package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// WorkConfig says whose rows nodes run.
type WorkConfig struct {
	File    *batch.File
	Cluster *Cluster
	// Manifest is the batch's, without what is found out here: its digest, its budget's
	// account and where its bundle is.
	Manifest Manifest
	Bundle   []byte // its chain, as a ZIP file
	// MaxErrors is how many rows may fail before no more are started; 0: any number.
	MaxErrors int
	// Stop, once it is closed, has Work return. What nodes have stays with them, and is
	// collected by the next Work, unless TakeBack says then that the batch ends. Nil:
	// never.
	Stop     <-chan struct{}
	TakeBack func() bool
	// Kept, if not nil, is told which outcomes are stored. Calls do not overlap.
	Kept func([]batch.Outcome)
	// Nodes, if not nil, is told from time to time which there are.
	Nodes func([]Node)
	// Trouble, if not nil, is told that the cluster cannot be asked, and nil when it can
	// again.
	Trouble func(error)
}

// Work hands the rows of a batch to nodes and stores what comes back, until all rows have
// ended. It goes on where another process left it. It removes nothing from the cluster
// but what it takes back: see [Cluster.Remove].
//
// The error is ctx's own; that of the file; a *[batch.TooManyError]; an OverBudget error
// that holds a *[ledger.Over]; or an *[Error], where the cluster cannot be used at the
// start. It is nil where Stop was closed.
func Work(ctx context.Context, cfg WorkConfig) error {
	w := newWork(cfg)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := w.begin(ctx); err != nil {
		return cfg.Cluster.explained(ctx, err)
	}
	return cfg.Cluster.explained(ctx, w.run(ctx))
}

// work is one call of Work.
type work struct {
	WorkConfig
	m        *Manifest
	given    map[string]any
	kv       jetstream.KeyValue
	made     time.Time // when the bucket was
	blobs    blobs
	items    chan jetstream.KeyValueEntry // of the watch; nil: there is none
	seen     uint64                       // the revision up to which all records are stored
	failed   int
	left     int       // rows that have not ended
	last     time.Time // when a row ended
	troubled bool
	unwatch  context.CancelFunc
	more     bool              // rows are pending that can be handed over at once
	missing  bool              // a row is neither with nodes nor has a result that can be read
	patience time.Duration     // how long nothing may come before lost rows are looked for
	links    uint64            // how often the connection was lost, when watch began
	unsent   map[place]bool    // rows of which it is not known that the cluster has taken them
	extras   map[delivery]bool // calls beside a row's result that have come
	account  account           // of the budget, when it was looked at last
}

func newWork(cfg WorkConfig) *work {
	return &work{WorkConfig: cfg, m: &cfg.Manifest, blobs: blobs{cfg.Cluster, cfg.Manifest.ID}}
}

// delivery is a time that a row was given to a node.
type delivery struct {
	id     string // the job's
	number int    // from 1; a server that was killed may give a number twice
}

// Times of Work.
const (
	// groupTime is how long records wait for others, to be stored with one sync.
	groupTime = 25 * time.Millisecond
	groupMost = 500
	handMost  = 500     // rows that are handed over at a time
	handBytes = 4 << 20 // as many bytes, roughly, unless one row alone has more
	lookEvery = 2 * time.Second
)

// begin makes sure that the cluster has all of the batch but its rows, and takes up where
// the last process ended.
func (w *work) begin(ctx context.Context) (err error) {
	w.given, w.unsent, w.extras = w.File.Spec().Given, map[place]bool{}, map[delivery]bool{}
	status, err := w.File.Status(ctx)
	if err != nil {
		return err
	}
	w.left, w.last, w.patience = status.Left+status.Active+status.Sent, time.Now(), w.Cluster.lease/2
	if w.kv, w.made, err = w.Cluster.begin(ctx, w.m.ID); err != nil {
		return err
	}
	if w.seen, err = w.stored(ctx); err != nil {
		return err
	}
	if w.m.BudgetUSD != nil {
		if err := setBudget(ctx, w.kv, *w.m.BudgetUSD, status.USD); err != nil {
			return err
		}
	}
	given, err := batch.EncodeInputs(w.given)
	if err != nil {
		return err
	}
	if w.m.Digest, err = w.m.digest(w.Bundle, given); err != nil {
		return err
	}
	before, revision, err := w.Cluster.manifest(ctx, w.m.ID)
	if err != nil {
		return err
	}
	if before != nil && before.Digest == w.m.Digest {
		w.m.Bundle, w.m.Given = before.Bundle, before.Given
	}
	if err := w.upload(ctx, given); err != nil {
		return err
	}
	w.m.Rows, w.m.Stopped = status.Total, nil
	if err := w.reconcile(ctx, false); err != nil {
		return err
	}
	if w.more, err = w.handOver(ctx); err != nil { // so that the first node finds more than one row
		return err
	}
	return w.announce(ctx, revision)
}

// announce tells nodes of the batch.
func (w *work) announce(ctx context.Context, revision uint64) error {
	text, err := json.Marshal(w.m)
	if err != nil {
		return err
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err = w.Cluster.common.Update(call, manifestKey(w.m.ID), text, revision)
	if conflict(err) {
		_, err = w.Cluster.common.Put(call, manifestKey(w.m.ID), text)
	}
	return err
}

// upload makes sure that nodes can read the chain and the inputs that all rows have, as JSON.
func (w *work) upload(ctx context.Context, given string) (err error) {
	if w.m.Bundle.Object != "" {
		if _, _, err := w.Cluster.Content(ctx, w.m); !damaged(err) {
			return err
		}
	}
	if w.m.Bundle, err = w.blobs.put(ctx, "bundle."+w.m.Digest, w.Bundle); err != nil {
		return err
	}
	w.m.Given, err = w.blobs.put(ctx, "given."+w.m.Digest, []byte(given))
	return err
}

// stored is the revision up to which the file has all records of this bucket.
func (w *work) stored(ctx context.Context) (uint64, error) {
	mark, err := w.File.Mark(ctx)
	if err != nil {
		return 0, err
	}
	made, revision, _ := strings.Cut(mark, "/")
	if made != strconv.FormatInt(w.made.UnixNano(), 10) {
		return 0, nil
	}
	return strconv.ParseUint(revision, 10, 64)
}

func (w *work) mark() string {
	return strconv.FormatInt(w.made.UnixNano(), 10) + "/" + strconv.FormatUint(w.seen, 10)
}

// run is the work until all rows have ended.
func (w *work) run(ctx context.Context) (err error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for w.left > 0 {
		if w.MaxErrors > 0 && w.failed > w.MaxErrors {
			return errors.Join(&batch.TooManyError{Failed: w.failed, Limit: w.MaxErrors}, w.takeBack(ctx, Stop{Why: StopCancelled}))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.Stop:
			if w.TakeBack != nil && w.TakeBack() {
				return w.takeBack(ctx, Stop{Why: StopCancelled})
			}
			return nil
		case entry := <-w.items:
			if err := w.take(ctx, entry); err != nil {
				return err
			}
		case <-look.C:
			if err := w.look(ctx); err != nil {
				return err
			}
		case <-w.mayHand():
			if w.more, err = w.handOver(ctx); err != nil {
				if fatal(ctx, err) {
					return err
				}
				w.trouble(err) // the next look goes on
			}
		}
	}
	return w.finish(ctx)
}

// returned is a record as the file stores it. Of the times that a row was delivered, those
// after which it was not given back may have been calls.
func (w *work) returned(ctx context.Context, r *record) (batch.Returned, error) {
	out := r.returned()
	if r.Kind == recordExtra {
		d := delivery{r.ID, r.Deliveries}
		if out.Repeated == 0 && w.extras[d] { // the server had forgotten one, and gave its number to another
			out.Repeated = 1
		}
		w.extras[d] = true
	}
	if r.Kind != recordResult || r.Deliveries < 2 && r.Silent == 0 {
		return out, nil
	}
	back, err := w.timesBack(ctx, r.ID, r.Sent)
	out.Repeated = max(0, out.Repeated, r.Silent+r.Deliveries-1-back)
	return out, err
}

func (w *work) store(ctx context.Context, returned []batch.Returned) error {
	if len(returned) == 0 {
		return nil
	}
	kept, err := w.File.Settle(context.WithoutCancel(ctx), returned, w.mark())
	if err != nil {
		return err
	}
	w.left -= len(kept)
	for i := range kept {
		if kept[i].Fate == batch.Failed {
			w.failed++
		}
	}
	if len(kept) > 0 {
		w.last, w.patience = time.Now(), w.Cluster.lease/2
		if w.Kept != nil {
			w.Kept(kept)
		}
	}
	return nil
}
