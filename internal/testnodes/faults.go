//go:build unix

package testnodes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Fault is something that meets a batch while it runs.
type Fault struct {
	Name string
	// Lasts: the batch is to run on while the fault is there, and after.
	Lasts bool
	Do    func(context.Context, *round) error
}

// Faults are all that there are, with random choices. pause is how long something stays as
// it is.
func Faults(random *rand.Rand, pause func() time.Duration) []Fault {
	pick := func(r *round) *worker { return r.nodes[random.IntN(len(r.nodes))] }
	return []Fault{
		{"a node is killed", false, func(ctx context.Context, r *round) error {
			w := pick(r)
			r.takes(w)
			w.end(syscall.SIGKILL)
			if err := r.moved(ctx); err != nil {
				return err
			}
			return r.startNode(ctx, w)
		}},
		{"a node stands still", true, func(ctx context.Context, r *round) error {
			w := pick(r)
			r.takes(w)
			w.signal(syscall.SIGSTOP)
			defer w.signal(syscall.SIGCONT)
			return errors.Join(r.moved(ctx), rest(ctx, pause()))
		}},
		{"a node is cut off", true, func(ctx context.Context, r *round) error {
			w := pick(r)
			r.takes(w)
			if err := w.link.Cut(); err != nil {
				return err
			}
			return errors.Join(r.moved(ctx), rest(ctx, pause()), w.link.Mend())
		}},
		{"connections break", false, func(ctx context.Context, r *round) error {
			for range 5 {
				if err := pick(r).link.Reset(); err != nil {
					return err
				}
				if err := rest(ctx, time.Duration(random.IntN(300))*time.Millisecond); err != nil {
					return err
				}
			}
			return nil
		}},
		{"connections are slow", false, func(ctx context.Context, r *round) error {
			w := pick(r)
			return errors.Join(w.link.Slow(200*time.Millisecond), rest(ctx, time.Second+pause()), w.link.Slow(0))
		}},
		{"the server is killed", false, func(ctx context.Context, r *round) error {
			r.server.end(syscall.SIGKILL)
			return r.back(ctx, r.startServer)
		}},
		{"who submitted is killed", false, func(_ context.Context, r *round) error {
			r.killed = true
			r.submitter.end(syscall.SIGKILL)
			return nil
		}},
		{"the server's disk is full", false, func(ctx context.Context, r *round) error {
			if err := r.disk.fill(r.server); err != nil {
				return err
			}
			if err := errors.Join(rest(ctx, 2*time.Second), r.disk.free(r.server)); err != nil {
				return err
			}
			return r.back(ctx, func(context.Context) error { return nil })
		}},
		{"a byte of the store flips", false, func(ctx context.Context, r *round) error {
			r.server.end(syscall.SIGKILL)
			if err := r.flip(random); err != nil {
				return err
			}
			return r.back(ctx, r.startServer)
		}},
	}
}

// moved waits until other nodes were asked for all that the fault took away. What a call
// is about that had ended just then is not asked again: the batch is whole then.
func (r *round) moved(ctx context.Context) error {
	waits, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.submitter.ended:
			cancel()
		case <-waits.Done():
		}
	}()
	rows := map[string]bool{}
	for i := range r.lost {
		rows[r.lost[i].Prompt] = true
	}
	if err := r.Engine.Wait(waits, len(rows), r.again); err != nil && ctx.Err() != nil {
		return fmt.Errorf("other nodes were not given what the node had: %w", err)
	}
	return nil
}

// back has the server there again, and measures until nodes ask the engine again. What
// they were given before does not count.
func (r *round) back(ctx context.Context, start func(context.Context) error) error {
	if err := start(ctx); err != nil {
		return err
	}
	began := time.Now()
	waits, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.submitter.ended:
			cancel()
		case <-waits.Done():
		}
	}()
	if r.Engine.Wait(waits, 1, func(c *Call) bool { return c.At.After(began) }) == nil {
		r.report.Recovered = append(r.report.Recovered, time.Since(began))
	}
	return nil
}

// flip changes a bit in one of the files with what the server keeps.
func (r *round) flip(random *rand.Rand) error {
	var blocks []string
	err := filepath.WalkDir(r.head.state("nodes/cluster/store"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".blk") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			blocks = append(blocks, path)
		}
		return err
	})
	if err != nil || len(blocks) == 0 {
		return errors.Join(err, errors.New("the store has no blocks"))
	}
	path := blocks[random.IntN(len(blocks))]
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := random.IntN(len(data))
	data[at] ^= 1 << random.IntN(8)
	return os.WriteFile(path, data, 0o600) //nolint:gosec // a file of the fleet's own
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
