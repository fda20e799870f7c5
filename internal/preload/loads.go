package preload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// LoadsConfig says what becomes of loads.
type LoadsConfig struct {
	// Progress, if not nil, is told what is waited for. It must be safe for
	// concurrent use.
	Progress func(string)
	// Command is a command line, such as tandem's `models load`, that continues
	// a load under way when the loads are closed: it gets --provider, --num-ctx
	// and the model. Empty: such a load ends.
	Command []string
	Environ []string // Command's environment, KEY=value
	// Warn, if not nil, is told when Command cannot be started.
	Warn func(string)
}

// Loads are the loads of models that are under way in a process: one for each
// model, whoever waits for it. None ends with the caller who began it.
type Loads struct {
	cfg      LoadsConfig
	mu       sync.Mutex
	underway map[key]*load
	failures map[key]loadFailure
	counts   map[key]Count
	wg       sync.WaitGroup
}

// Count is how often a model was loaded, and how often that failed, since the start.
type Count struct {
	Provider, Host, Model string
	Loaded, Failed        int
}

// NewLoads returns no loads yet. Close them.
func NewLoads(cfg LoadsConfig) *Loads {
	return &Loads{cfg: cfg, underway: map[key]*load{}, failures: map[key]loadFailure{}, counts: map[key]Count{}}
}

// key is a model of a server.
type key struct{ provider, host, model string }

// loadFailure is how a load failed, and when.
type loadFailure struct {
	err error
	at  time.Time
}

// failureFresh is how long a failed load is not tried again while another
// provider can answer.
const failureFresh = time.Minute

// load is one model on its way into memory.
type load struct {
	key    key
	size   int64 // of the model's file, in bytes; 0: not known
	window int
	begun  time.Time
	cancel context.CancelFunc
	told   atomic.Bool   // one of those that wait tells common
	done   chan struct{} // closed at its end
	err    error         // after done
}

// start begins a load by f, which has at most limit, or joins the one that is
// under way.
func (l *Loads) start(key key, size int64, window int, limit time.Duration, f func(context.Context) error) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.underway[key]; one != nil {
		return one
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	one := &load{key: key, size: size, window: window, begun: time.Now(), cancel: cancel, done: make(chan struct{})}
	l.underway[key] = one
	l.wg.Go(func() {
		defer cancel()
		err := f(ctx)
		l.mu.Lock()
		one.err = err
		delete(l.underway, key)
		delete(l.failures, key)
		n := l.counts[key]
		if err != nil {
			l.failures[key] = loadFailure{err, time.Now()}
			n.Failed++
		} else {
			n.Loaded++
		}
		l.counts[key] = n
		l.mu.Unlock()
		close(one.done)
	})
	return one
}

// find returns the load of key that is under way, or nil.
func (l *Loads) find(key key) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.underway[key]
}

// Counts are the loads that have ended, by provider and model.
func (l *Loads) Counts() []Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Count, 0, len(l.counts))
	for k, n := range l.counts {
		n.Provider, n.Host, n.Model = k.provider, k.host, k.model
		all = append(all, n)
	}
	return all
}

// failed returns why the last load of key failed, if that was just now.
func (l *Loads) failed(key key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.failures[key]; b.err != nil && time.Since(b.at) < failureFresh {
		return b.err
	}
	return nil
}

// Close has Command go on with each load under way, ends it here, and returns when
// nothing of it is left.
func (l *Loads) Close() {
	l.mu.Lock()
	all := slices.Collect(maps.Values(l.underway))
	l.mu.Unlock()
	for _, one := range all {
		l.handOver(one)
		one.cancel()
	}
	l.wg.Wait()
}

// handOver has another process go on with a load: this one is about to end, and
// the server aborts a load that no request waits for.
func (l *Loads) handOver(one *load) {
	argv := l.cfg.Command
	if len(argv) == 0 || one.key.host != "" { // the command knows no hosts
		return
	}
	argv = append(argv[:len(argv):len(argv)], "--provider", one.key.provider, "--num-ctx", strconv.Itoa(one.window), one.key.model)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // this very program; it is to outlive us
	cmd.Env = l.cfg.Environ
	if err := engine.StartDetached(cmd); err != nil && l.cfg.Warn != nil {
		l.cfg.Warn("the load of " + one.key.model + " ends with this command: " + err.Error())
	}
}

// When a wait is reported: first only when it is long enough to be noticed.
const (
	firstReport = 700 * time.Millisecond
	nextReport  = 5 * time.Second
)

// wait waits for the load's end, and tells of it: common, once for all that wait, and
// who ctx names. When ctx ends first, its error is returned and the load goes on.
func (l *load) wait(ctx context.Context, common func(string)) error {
	reported, tells := false, false
	report := func(format string, args ...any) {
		reported = true
		tells = tells || l.told.CompareAndSwap(false, true)
		to := common
		if !tells {
			to = nil
		}
		if progress := progressOf(ctx, to); progress != nil {
			progress(fmt.Sprintf(format, args...))
		}
	}
	what := l.key.model
	if l.size > 0 { // how much of it is loaded, no engine tells
		what += " (" + textx.Bytes(l.size) + ")"
	}
	timer := time.NewTimer(firstReport)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			if tells {
				l.told.Store(false) // another one tells
			}
			return ctx.Err()
		case <-l.done:
			if reported && l.err == nil {
				report("%s is in memory after %s", l.key.model, textx.Duration(time.Since(l.begun)))
			}
			if errors.Is(l.err, context.Canceled) {
				return provider.Errorf(provider.Unavailable, l.key.provider, l.key.model, "its load was cancelled, because no request was still waiting for it")
			}
			return l.err
		case <-timer.C:
			if timer.Reset(nextReport); reported {
				report("loading %s into memory … %s", what, textx.Duration(time.Since(l.begun).Round(time.Second)))
			} else {
				report("loading %s into memory …", what)
			}
		}
	}
}
