// Package record writes requests and their answers to a directory, one file a
// call, and replays them without any network.
//
// [New] puts a recorder around a provider; [Replay] returns a provider that
// answers from the files. A file is JSON: the request, each piece of the answer
// with its time, or the error. Its name is a digest of the request and a number:
// the same request asked again is the next number. A replay answers in that
// order, and repeats the last answer after that.
package record

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Config says how to record. Dir is required.
type Config struct {
	// Dir is the directory of the files. It is made if it does not exist.
	Dir string
	// Targets returns who may answer a request, in order: they are part of the
	// key. Nil: Request.Use is part of it instead.
	Targets func(*provider.Request) []provider.Candidate
	// Secrets returns the texts that must not be written, such as the keys in
	// use. It is called before each file is written. Texts shorter than 8 bytes
	// are ignored.
	Secrets func() []string
	// Suspect reports whether a long word looks like a key. It is called for
	// words in errors, tool arguments and options. Keys of well-known services
	// are removed from any text without it.
	Suspect func(word string) bool
	// Attempts returns the targets that an error names. Nil: none are recorded.
	Attempts func(error) []provider.Attempt
	// Warn is called when a file could not be written. No answer fails because
	// of it. It may be called from several goroutines. Nil: the failure is ignored.
	Warn func(error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Recorder is a provider.Wrapper that records Chat. Make one with [New].
type Recorder struct {
	provider.Provider
	cfg Config

	mu     sync.Mutex
	placed map[string]int // the last number of a key that this recorder wrote
}

var _ provider.Wrapper = (*Recorder)(nil)

// New returns inner with a recorder around it. Errors: Invalid, if the
// directory cannot be made.
func New(inner provider.Provider, cfg Config) (*Recorder, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, provider.Errorf(provider.Invalid, "record", "", "cannot create the recording directory: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Recorder{Provider: inner, cfg: cfg, placed: map[string]int{}}, nil
}

// Unwrap returns the provider that is recorded.
func (r *Recorder) Unwrap() provider.Provider { return r.Provider }

// Chat asks the provider, and writes the file before it passes the end on. An
// answer that its caller leaves or cancels has no end, and is not recorded.
func (r *Recorder) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		t := taker{Recorder: r, asked: r.cfg.Now()}
		t.call.Request = ask(&req, r.cfg.Targets)
		t.call.Key, t.failed = t.call.Request.key()
		for c, err := range r.Provider.Chat(ctx, req) {
			t.addChunk(ctx, &c, err)
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

// addChunk notes a piece of the answer, and writes the file when it is the last.
func (t *taker) addChunk(ctx context.Context, c *provider.Chunk, err error) {
	at := t.cfg.Now().Sub(t.asked)
	switch {
	case err != nil && ctx.Err() != nil:
		return // the caller's own affair
	case err != nil && t.failed != nil && provider.KindOf(err) == provider.Invalid:
		return // a replay refuses such a request itself
	case err != nil:
		var attempts []provider.Attempt
		if t.cfg.Attempts != nil {
			attempts = t.cfg.Attempts(err)
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
	if t.failed != nil && t.cfg.Warn != nil {
		t.cfg.Warn(fmt.Errorf("the answer is not recorded: %w", t.failed))
	}
}

func (t *taker) write() error {
	t.call.Version, t.call.Recorded = Version, t.asked.UTC().Truncate(time.Second)
	var secrets []string
	if t.cfg.Secrets != nil {
		secrets = t.cfg.Secrets()
	}
	newScrubber(secrets, t.cfg.Suspect).call(&t.call)
	t.mu.Lock()
	n := t.placed[t.call.Key] + 1
	t.mu.Unlock()
	n, err := save(t.cfg.Dir, &t.call, n)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.placed[t.call.Key] = max(n, t.placed[t.call.Key])
	return err
}
