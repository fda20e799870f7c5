package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Holder is the process that runs a batch.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// HeldError is a batch that another process runs.
type HeldError struct {
	ID     string
	Holder *Holder // nil: it has not said yet
}

// Error says who, and since when.
func (e *HeldError) Error() string {
	if e.Holder == nil {
		return fmt.Sprintf("the batch %s is being run by another process", e.ID)
	}
	return fmt.Sprintf("the batch %s is being run by process %d on %s since %s", e.ID, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format("2006-01-02 15:04:05"))
}

// lookTime is how long a lock is tried for.
const lookTime = 200 * time.Millisecond

// lock is held by the process that runs a batch, and ends with it. A file beside
// it says who that is: a lock alone cannot be read everywhere.
type lock struct {
	flock  *flock.Flock
	holder string // the path of the file that says who
}

// take takes the lock of a batch's file at once, or returns a *HeldError.
func take(id, path string) (*lock, error) {
	l := &lock{flock: flock.New(path+".lock", flock.SetPermissions(0o600)), holder: path + ".holder"}
	// Who only looks whether the lock is held has it for a moment.
	within, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	switch ok, err := l.flock.TryLockContext(within, lookTime/20); {
	case err != nil && within.Err() == nil:
		return nil, err
	case !ok:
		return nil, &HeldError{ID: id, Holder: holder(path)}
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

// release gives the lock back.
func (l *lock) release() {
	_ = os.Remove(l.holder)
	_ = l.flock.Unlock() // closing the file unlocks it, too
}

// held is who runs a batch now; nil: nobody.
func held(path string) *Holder {
	f := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := os.Stat(path + ".lock"); err != nil {
		return nil
	}
	if ok, err := f.TryRLock(); ok || err != nil {
		_ = f.Unlock()
		return nil
	}
	if h := holder(path); h != nil {
		return h
	}
	return &Holder{}
}

// holder reads who has the lock, or had it last.
func holder(path string) *Holder {
	data, err := os.ReadFile(path + ".holder")
	h := &Holder{}
	if err != nil || json.Unmarshal(data, h) != nil {
		return nil
	}
	return h
}
