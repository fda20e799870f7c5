// Package record keeps what was asked and answered in a directory, one file a
// call, and answers from there without any network.
//
// [New] puts a recorder around a provider; [Replay] is a provider that needs
// none. A file is JSON, for people to read and compare: the request, each piece
// of the answer with its time, or the error. It is named by a digest of all
// that matters in the request; the same request asked again is the next file of
// its row, and a replay gives the row in order, the last one again and again.
package record

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/provider"
)

// Options say how to record. Dir is needed.
type Options struct {
	// Dir is where the files lie. It is made if it is not there.
	Dir string
	// Targets tells who may answer a request and with what settings, in order:
	// they are a part of what was asked. Nil, as in a program of your own:
	// Request.Use stands for them.
	Targets func(*provider.Request) []canon.Candidate
	// Secrets returns the texts that must not be written, such as the keys in
	// use. It is asked before each file is written. Those shorter than 8 bytes
	// are not looked for.
	Secrets func() []string
	// Suspect reports whether a long word looks like a key. It is asked about
	// errors, tool arguments and options; in prose, what begins as the keys of
	// well-known services do is taken out without being asked about.
	Suspect func(word string) bool
	// Attempts returns what an error says of the targets considered. Nil:
	// nothing is kept of it.
	Attempts func(error) []provider.Attempt
	// Warn is told that a file could not be written. The answer is not lost by
	// that. It may be called from several goroutines. Nil: nobody is told.
	Warn func(error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Recorder is a provider.Wrapper that records Chat. Make one with [New].
type Recorder struct {
	provider.Provider
	o Options

	mu     sync.Mutex
	placed map[string]int // the last number of a key that this recorder wrote
}

var _ provider.Wrapper = (*Recorder)(nil)

// New returns inner with a recorder around it. Errors: Invalid, when the
// directory cannot be made.
func New(inner provider.Provider, o Options) (*Recorder, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, provider.Errorf(provider.Invalid, "record", "", "cannot create the recording directory: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Recorder{Provider: inner, o: o, placed: map[string]int{}}, nil
}

// Unwrap returns the provider that is recorded.
func (r *Recorder) Unwrap() provider.Provider { return r.Provider }

// Chat asks the provider, and writes the file before it passes the end on. An
// answer that its caller leaves or cancels has no end, and is not recorded.
func (r *Recorder) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		t := taker{Recorder: r, asked: r.o.Now()}
		t.call.Request = ask(&req, r.o.Targets)
		t.call.Key, t.failed = t.call.Request.key()
		for c, err := range r.Provider.Chat(ctx, req) {
			t.take(ctx, &c, err)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// most is how much of an answer is recorded, in bytes, what a chunk takes
// besides its content included. A longer answer is not recorded.
const most, each = 64 << 20, 64

var errTooLong = errors.New("it is longer than 64 MiB")

// taker is one recording under way.
type taker struct {
	*Recorder
	asked  time.Time
	call   call
	size   int
	failed error // why it cannot be written
}

// take notes a piece of the answer, and writes the file when it is the last.
func (t *taker) take(ctx context.Context, c *provider.Chunk, err error) {
	at := t.o.Now().Sub(t.asked)
	switch {
	case err != nil && ctx.Err() != nil:
		return // the caller's own affair
	case err != nil && t.failed != nil && provider.KindOf(err) == provider.Invalid:
		return // a replay refuses such a request itself
	case err != nil:
		var attempts []provider.Attempt
		if t.o.Attempts != nil {
			attempts = t.o.Attempts(err)
		}
		t.call.Error = failureOf(err, at, attempts)
	default:
		if t.size += each + len(c.Text) + len(c.Thinking); t.size > most {
			t.call.Chunks, t.failed = nil, errTooLong
		}
		if t.failed == nil {
			t.call.Chunks = append(t.call.Chunks, chunkOf(c, at))
		}
		if c.Finish == "" {
			return
		}
	}
	if t.failed == nil {
		t.failed = t.write()
	}
	if t.failed != nil && t.o.Warn != nil {
		t.o.Warn(fmt.Errorf("the answer is not recorded: %w", t.failed))
	}
}

func (t *taker) write() error {
	t.call.Version, t.call.Recorded = Version, t.asked.UTC().Truncate(time.Second)
	var secrets []string
	if t.o.Secrets != nil {
		secrets = t.o.Secrets()
	}
	newScrubber(secrets, t.o.Suspect).call(&t.call)
	t.mu.Lock()
	n := t.placed[t.call.Key] + 1
	t.mu.Unlock()
	n, err := save(t.o.Dir, &t.call, n)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.placed[t.call.Key] = max(n, t.placed[t.call.Key])
	return err
}
