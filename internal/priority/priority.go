// Package priority has interactive calls to an engine go before those of batches, in
// all processes that share a directory. An interactive call shows that it waits or
// runs by a lock, which ends with its process, however that ends. Before each call a
// batch looks whether anybody has the lock, and if so waits. Calls under way are left
// to end.
package priority

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// linger is how long after its last interactive call an engine is kept free for
	// the next one, such as that of a chain's next step.
	linger = time.Second
	// lookEvery is how often a call that waits looks again.
	lookEvery = 50 * time.Millisecond
)

// MostWait is how long calls of batches wait before one of them goes all the same, so
// that no batch waits for ever; then one each time that so long has passed.
const MostWait = time.Minute

// Engines are those that this process calls. Make one with [New].
type Engines struct {
	dir string
	mu  sync.Mutex
	all map[string]*Engine
}

// New returns the engines whose locks are in a directory, which need not exist. "":
// there is none, and nobody waits.
func New(dir string) *Engines { return &Engines{dir: dir, all: map[string]*Engine{}} }

// At is the engine at an endpoint, scheme://host:port. Whatever a process calls this
// machine, it is one engine.
func (s *Engines) At(endpoint string) *Engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fileName(endpoint)
	e := s.all[name]
	if e == nil {
		path := filepath.Join(s.dir, name)
		e = &Engine{set: s, path: path, sign: flock.New(path, flock.SetPermissions(0o600))}
		s.all[name] = e
	}
	return e
}

// fileName is the name of an endpoint's lock.
func fileName(endpoint string) string {
	host := endpoint
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		name := strings.ToLower(u.Hostname())
		if name == "localhost" || name == "::1" || strings.HasPrefix(name, "127.") {
			name = "localhost"
		}
		host = name + "_" + cmp.Or(u.Port(), u.Scheme)
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, host) + ".lock"
}

// Close gives the locks back at once. No interactive call may run.
func (s *Engines) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all {
		e.close()
	}
}

// Engine is what interactive calls and batches share. A nil *Engine is one that they
// need not share: nobody waits for it.
type Engine struct {
	set  *Engines
	path string

	mu      sync.Mutex
	sign    *flock.Flock // shared by all processes with interactive calls
	shown   bool         // this process has it
	calls   int          // interactive ones of this process
	ended   time.Time    // the last of them
	timer   *time.Timer  // takes the lock, or gives it back; nil: nothing is to be done
	looked  time.Time    // when the lock was last found to be held
	waiting int          // calls of batches of this process
	since   time.Time    // they wait, or one of them went all the same
}

// Begin says that an interactive call waits for the engine or runs; end that it has
// ended. It never waits, and where no lock can be had the call goes on without.
func (e *Engine) Begin() (end func()) {
	if e == nil || e.set.dir == "" {
		return func() {}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	e.show()
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.calls--; e.calls == 0 {
			e.ended = time.Now()
			e.after(linger)
		}
	})
}

// show takes the lock. A batch that just looks has it for a moment: then a timer takes
// it.
func (e *Engine) show() {
	if e.shown {
		return
	}
	ok, err := e.sign.TryRLock()
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(e.set.dir, 0o700) == nil {
		ok, err = e.sign.TryRLock()
	}
	if e.shown = ok; !ok && err == nil {
		e.after(time.Millisecond)
	}
}

// after has tick called.
func (e *Engine) after(d time.Duration) {
	if e.timer == nil {
		e.timer = time.AfterFunc(d, e.tick)
	}
}

// tick takes the lock that is still wanted, and gives back the one that is not.
func (e *Engine) tick() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timer = nil
	if e.calls > 0 {
		e.show()
		return
	}
	if left := linger - time.Since(e.ended); left > 0 {
		e.after(left)
		return
	}
	e.hide()
}

func (e *Engine) hide() {
	if e.shown {
		_ = e.sign.Unlock() // closing the file unlocks it, too
		e.shown = false
	}
}

func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	e.hide()
}

// Free reports whether no interactive call waits for the engine or runs, or did a
// moment ago.
func (e *Engine) Free() bool {
	if e == nil || e.set.dir == "" {
		return true
	}
	e.mu.Lock()
	taken := e.calls > 0 || e.shown || time.Since(e.looked) < lookEvery/2 // another call has looked
	e.mu.Unlock()
	if taken {
		return false
	}
	if !locked(e.path) { // which takes a moment: interactive calls do not wait for it
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked = time.Now()
	return false
}

// locked reports whether another process has the lock. One that just looks has it for
// a moment.
func locked(path string) bool {
	f := flock.New(path, flock.SetFlag(os.O_RDONLY)) // it makes no file
	for range 3 {
		ok, err := f.TryLock()
		if ok {
			_ = f.Unlock()
		}
		if ok || err != nil {
			return false // without a file, nobody has it; without locks, nobody waits
		}
		time.Sleep(time.Millisecond)
	}
	_ = f.Close()
	return true
}

// Wait waits until a call of a batch, whose ctx is of [Batch], may start, or ctx ends:
// that is the error. With anyway, the engine is not free, but the call goes all the same:
// it has waited for so long, or the batch is over.
func (e *Engine) Wait(ctx context.Context) (anyway bool, err error) {
	if e.Free() {
		return false, ctx.Err()
	}
	o, _ := ctx.Value(optionsKey{}).(Options)
	e.beginWait(o.Meter)
	defer e.endWait(o.Meter)
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-o.Over:
			return true, nil
		case <-timer.C:
		}
		if e.Free() {
			return false, nil
		}
		if e.overdue() {
			return true, nil
		}
		timer.Reset(lookEvery)
	}
}

func (e *Engine) beginWait(m *Meter) {
	m.begin()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting++; e.waiting == 1 {
		e.since = time.Now()
	}
}

func (e *Engine) endWait(m *Meter) {
	m.end()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting--
}

// overdue reports whether a call that waits goes all the same now.
func (e *Engine) overdue() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if now.Sub(e.since) < MostWait {
		return false
	}
	e.since = now
	return true
}
