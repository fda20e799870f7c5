package batch

import (
	"context"
	"sync"
	"time"
)

// Options say how a batch is worked through. The zero value runs one item at a
// time, to the end.
type Options struct {
	// Concurrency is how many items may run at a time. It is asked whenever one has
	// ended, and may change. Nil: one.
	Concurrency func() int
	// Turn, if not nil, waits until a claimed item may start, such as for others that go
	// first. An item whose ctx ends meanwhile, as it does when nothing more is started,
	// was not asked.
	Turn func(context.Context, Item) error
	// Stop, once it is closed, has nothing more started: what runs ends as it does,
	// and is kept. Nil: never.
	Stop <-chan struct{}
	// Kept, if not nil, is told which outcomes are kept, after they are. Calls do not
	// overlap.
	Kept func([]Outcome)
	// MaxErrors is how many items may fail before nothing more is started; 0: any
	// number.
	MaxErrors int
	// GiveUp is how many items in a row may fail for a reason that is not an item's own,
	// such as a server that is gone, before nothing more is started; 0: any number.
	GiveUp int
	// GiveUpFirst is the same while none has been answered, and for a reason that lasts, such
	// as a model that the server does not have; 0: GiveUp.
	GiveUpFirst int
	// Resumable says that the queue outlives Work: an item that ctx ended, or that a
	// budget refused, comes again. So does, up to 5 times, one that was refused for its
	// rate, and once one whose answer broke off, and one that ran when GiveUp ended the
	// others and failed as they did. Else each of them fails.
	//
	// An item whose provider is away, such as a server that cannot be reached or says
	// that it cannot now, comes again after the others. Nothing else is started then but
	// one item now and then, until a server is there. Such an item fails only when it
	// has met no server 5 times although one was there: it may be what brings it down.
	Resumable bool
	// Waits says that a provider that is away is waited for from the start. Else it is
	// waited for once it has answered an item; before that, Work ends with the error when
	// no server was met 6 times in a row, which takes a quarter of a minute, and an item
	// fails at once whose server fails over it.
	Waits bool
	// Shared says that other machines take items of the queue, too. An item that fails for
	// a reason that is more likely this machine's than its own, such as a key that is
	// refused, comes again, for another machine, unless it has come 3 times and others were
	// answered here. GiveUp counts it all the same.
	Shared bool
	// There, if not nil, reports whether one of these providers, which were away, answers.
	// It is asked before an item is.
	There func(ctx context.Context, names []string) bool
	// Away, if not nil, is told why nothing is started when no server is there, and nil
	// when one is again. Calls do not overlap.
	Away func(why error)
	// Poll is how often a queue that had nothing more to give is asked again while items
	// run, because others fill it, too; 0: only once an item has ended.
	Poll time.Duration
}

// Work runs the items of a queue until none is left, and keeps what comes of each.
// What runs when ctx ends is claimed again by whoever opens the queue next.
//
// The error is ctx's own; that of the queue, when outcomes could not be kept; a
// *[TooManyError]; the refusal of a budget, which would refuse the others, too: items
// that it has refused are claimed again the next time; or that of a provider that was
// never there, see [Options.Waits]. It is nil where Stop was closed.
//
// At most twice Concurrency items are asked and not kept at any moment, the running
// ones included; as many more are claimed.
func Work(ctx context.Context, q Queue, run Run, o Options) error {
	w := &worker{queue: q, run: run, options: o, tries: map[itemKey]try{}, answered: map[string]int{}}
	w.changed.L = &w.mu
	starting, startNone := context.WithCancel(ctx)
	defer startNone()
	w.startNone, w.over = startNone, starting.Done()
	w.turn = func(item Item) bool { return o.Turn == nil || o.Turn(starting, item) == nil }
	w.there = func(names []string) bool { return o.There == nil || o.There(starting, names) }
	stop := context.AfterFunc(ctx, func() { w.stop(context.Cause(ctx)) })
	defer stop()
	if o.Stop != nil {
		over := make(chan struct{})
		defer close(over)
		go func() {
			select {
			case <-o.Stop:
				w.stop(nil)
			case <-over:
			}
		}()
	}
	if o.Poll > 0 {
		over := make(chan struct{})
		defer close(over)
		go w.poll(o.Poll, over)
	}
	err := w.work(ctx)
	startNone()
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.group != nil {
		w.group.Stop()
	}
	return err
}

// worker is one call of Work.
type worker struct {
	queue   Queue
	run     Run
	options Options
	running sync.WaitGroup
	// turn waits until an item may start; false: it does not.
	turn      func(Item) bool
	there     func(names []string) bool // one of those is there, or it is not known
	startNone context.CancelFunc        // ends both, and closes over
	over      <-chan struct{}

	mu        sync.Mutex
	changed   sync.Cond
	ready     []Item      // claimed, not started
	atOnce    int         // at most so many are started; the queue knows it
	active    int         // started, not ended
	started   int         // so far
	ended     []Outcome   // not kept yet
	keeping   int         // being kept
	exhausted bool        // there is nothing to claim but what is among ended
	asked     bool        // the queue was asked since anything ended
	held      bool        // a budget has refused an item while others ran: nothing starts until one of them ends
	stopped   bool        // nothing more is started
	oldest    time.Time   // when the first of ended did
	err       error       // why
	failed    int         // so far
	inARow    int         // items that failed for a reason that is not an item's own
	gaveUp    bool        // so many did that nothing more is started
	group     *time.Timer // wakes work when oldest is groupTime ago; nil: nothing has ended yet

	alone    bool            // nothing else ran while the item did that is judged
	answered map[string]int  // items, so far, by provider
	tries    map[itemKey]try // of items that come again
	missed   int             // items that met no server, since one did
	away     error           // no server is there; nil: not known
	paused   bool            // and nothing is started
	pause    time.Duration   // the last one; 0: none since a server was there
	seen     bool            // it was looked before the item that runs, and one was there
}

// work claims, starts and keeps until nothing is left to do.
func (w *worker) work(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	keep := context.WithoutCancel(ctx) // what has been paid for is kept
	for {
		for !w.due() {
			w.changed.Wait()
		}
		if w.stopped {
			w.giveBack()
		}
		ended, n := w.ended, w.wanted()
		if len(ended) == 0 && n == 0 {
			return w.err // nothing runs, and nothing is left
		}
		w.ended, w.keeping, w.asked = nil, len(ended), true
		limit := w.limit()
		w.atOnce = min(w.atOnce, limit)
		if q, ok := w.queue.(bounded); ok {
			q.bound(max(askedShare*limit, w.active))
		}
		w.mu.Unlock()
		items, exhausted, err := w.queue.Exchange(keep, ended, n)
		if err == nil && w.options.Kept != nil && len(ended) > 0 {
			w.options.Kept(ended)
		}
		w.mu.Lock()
		w.keeping = 0
		if err != nil {
			return w.abandon(keep, ended, err)
		}
		if n > 0 {
			w.exhausted = exhausted
		}
		w.atOnce = limit
		w.ready = append(w.ready, items...)
		w.start(ctx)
	}
}

// due reports whether there is anything to do for the queue, or nothing left at all.
func (w *worker) due() bool {
	if w.active == 0 {
		return len(w.ended) > 0 || w.stopped || len(w.ready) == 0
	}
	if len(w.ready) == 0 && (len(w.ended) > 0 || !w.asked) && w.wanted() > 0 {
		return true
	}
	return len(w.ended) > 0 && (w.stopped || 2*len(w.ended) >= w.limit() || time.Since(w.oldest) >= groupTime)
}

// groupTime is how long outcomes wait for others, to be kept together with one sync.
const groupTime = 25 * time.Millisecond

// wanted is how many items are to be claimed now.
func (w *worker) wanted() int {
	for i := range w.ended {
		if f := w.ended[i].Fate; f == Again || f == Unasked {
			w.exhausted = false
		}
	}
	if w.stopped || w.exhausted {
		return 0
	}
	return max(0, 2*askedShare*w.limit()-w.active-len(w.ready)-len(w.ended)-w.keeping)
}

// askedShare is how many items may be asked and not kept, for each that may run: so
// many calls are repeated, at most, when the process is killed.
const askedShare = 2

// bounded is a queue that keeps how many items may be asked and not kept.
type bounded interface{ bound(asked int) }

func (w *worker) limit() int {
	if w.options.Concurrency == nil {
		return 1
	}
	return max(1, w.options.Concurrency())
}

// giveBack ends items that were claimed and will not be started.
func (w *worker) giveBack() {
	for _, item := range w.ready {
		w.ended = append(w.ended, Outcome{Item: item, Fate: Unasked})
	}
	w.ready = nil
}

// abandon waits for what runs after the queue has failed, and tries once more to
// have everything kept.
func (w *worker) abandon(ctx context.Context, ended []Outcome, err error) error {
	w.stopWith(err)
	for w.active > 0 {
		w.changed.Wait()
	}
	w.giveBack()
	ended = append(ended, w.ended...)
	w.ended = nil
	if _, _, again := w.queue.Exchange(ctx, ended, 0); again != nil {
		lost := 0
		for i := range ended {
			if ended[i].Fate != Unasked {
				lost++
			}
		}
		if lost == 0 {
			return err
		}
		return &LostError{Items: lost, Err: err}
	}
	if w.options.Kept != nil && len(ended) > 0 {
		w.options.Kept(ended)
	}
	return err
}

// start starts items as far as may be. The caller holds mu.
func (w *worker) start(ctx context.Context) {
	for w.mayStart() {
		item := w.ready[0]
		w.ready = w.ready[1:]
		w.active++
		w.started++
		nth := w.started
		if w.active > 1 {
			nth = 0
		}
		w.running.Go(func() {
			out := Outcome{Item: item, Fate: Unasked}
			if w.turn(item) {
				began := time.Now()
				reply := w.run(ctx, item)
				out = Outcome{Item: item, Reply: reply, Took: time.Since(began)}
			}
			w.end(ctx, out, nth)
		})
	}
}

// end takes in what came of an item, which was the nth to start if none ran then; 0: some
// did.
func (w *worker) end(ctx context.Context, out Outcome, nth int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active--
	w.held = false
	if out.Fate != Unasked {
		w.alone = nth == w.started
		out.Fate = w.judge(ctx, &out)
	}
	w.ended = append(w.ended, out)
	w.asked = false
	if len(w.ended) == 1 {
		w.oldest = time.Now()
		if w.group == nil {
			w.group = time.AfterFunc(groupTime, w.wake)
		} else {
			w.group.Reset(groupTime) // the last one may have ended before its time
		}
	}
	w.start(ctx)
	w.changed.Broadcast()
}

// wake has work look again whether anything is due.
func (w *worker) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed.Broadcast()
}

// poll has the queue asked again from time to time, until over is closed.
func (w *worker) poll(every time.Duration, over <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			w.mu.Lock()
			w.asked = false
			w.changed.Broadcast()
			w.mu.Unlock()
		}
	}
}

// stop has nothing more started.
func (w *worker) stop(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopWith(err)
	w.changed.Broadcast()
}

// stopWith is stop for who holds mu. The first reason counts.
func (w *worker) stopWith(err error) {
	if !w.stopped {
		w.stopped, w.err = true, err
		w.startNone()
	}
}
