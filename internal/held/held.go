// Package held has locks that say who has them: a file that the system locks for as long
// as a process lives, and one beside it that names the process, as a lock alone cannot
// be read everywhere.
package held

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Holder is the process that has a lock.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// String says who it is.
func (h *Holder) String() string {
	return fmt.Sprintf("process %d on %s", h.PID, h.Host)
}

// SinceText is when it took the lock, to the second.
func (h *Holder) SinceText() string { return h.Since.Format("2006-01-02 15:04:05") }

// Error is a lock that another process has.
type Error struct {
	Holder *Holder // nil: it has not said yet
}

// Error says who has it.
func (e *Error) Error() string {
	if e.Holder == nil {
		return "another process has the lock"
	}
	return fmt.Sprintf("%s has the lock since %s", e.Holder, e.Holder.SinceText())
}

// Files are a lock's file, and the file that says who has it.
type Files struct{ Lock, Holder string }

// Lock is had by the process that took it, and ends with it.
type Lock struct {
	flock  *flock.Flock
	holder string
}

// Take takes a lock, which is tried for as long as within; 0: once. Errors: *[Error],
// where another process has it.
func Take(f Files, within time.Duration) (*Lock, error) {
	l := &Lock{flock: flock.New(f.Lock, flock.SetPermissions(0o600)), holder: f.Holder}
	ok, err := l.flock.TryLock()
	if !ok && err == nil && within > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if ok, err = l.flock.TryLockContext(ctx, within/20); ctx.Err() != nil {
			err = nil // it was had for all of that time
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, &Error{read(f.Holder)}
	}
	host, _ := os.Hostname()
	data, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: time.Now()})
	if err == nil {
		err = os.WriteFile(l.holder, data, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, l.flock.Unlock())
	}
	return l, nil
}

// Release gives the lock back.
func (l *Lock) Release() {
	_ = os.Remove(l.holder)
	_ = l.flock.Unlock() // closing the file unlocks it, too
}

// By is who has a lock now; nil: nobody. It takes nothing away from who wants it, but for
// a moment.
func By(f Files) *Holder {
	if _, err := os.Stat(f.Lock); err != nil {
		return nil
	}
	l := flock.New(f.Lock, flock.SetPermissions(0o600))
	if ok, err := l.TryRLock(); ok || err != nil {
		_ = l.Unlock()
		return nil
	}
	if h := read(f.Holder); h != nil {
		return h
	}
	return &Holder{}
}

// read is who has a lock, or had it last.
func read(path string) *Holder {
	data, err := os.ReadFile(path)
	h := &Holder{}
	if err != nil || json.Unmarshal(data, h) != nil {
		return nil
	}
	return h
}
