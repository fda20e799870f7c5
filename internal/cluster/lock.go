package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Holder is the process that has the store of a cluster.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// HeldError is a store that another process has.
type HeldError struct {
	Dir    string
	Holder *Holder // nil: it has not said yet
}

// Error says who has it.
func (e *HeldError) Error() string {
	if e.Holder == nil {
		return fmt.Sprintf("another process serves the cluster in %s", e.Dir)
	}
	return fmt.Sprintf("process %d on %s serves the cluster in %s since %s", e.Holder.PID, e.Holder.Host, e.Dir, e.Holder.Since.Format("2006-01-02 15:04:05"))
}

// Lock is held by the process that has a store, and ends with it.
type Lock struct{ flock *flock.Flock }

func holderPath(dir string) string { return filepath.Join(dir, "holder.json") }

// Take takes the store in a directory at once, or returns a *[HeldError]. JetStream
// itself lets two servers write to one store.
func Take(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &Lock{flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
	switch ok, err := l.flock.TryLock(); {
	case err != nil:
		return nil, err
	case !ok:
		held := &HeldError{Dir: dir, Holder: &Holder{}}
		if data, err := os.ReadFile(holderPath(dir)); err != nil || json.Unmarshal(data, held.Holder) != nil {
			held.Holder = nil
		}
		return nil, held
	}
	host, _ := os.Hostname()
	data, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: time.Now()})
	if err == nil {
		err = writeSecret(holderPath(dir), data)
	}
	if err != nil {
		return nil, errors.Join(err, l.flock.Unlock())
	}
	return l, nil
}

// Release gives it back.
func (l *Lock) Release() { _ = l.flock.Unlock() } // closing the file unlocks it, too
