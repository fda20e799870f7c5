// Package batches is OpenAI's files and batches for clients of the gateway: a file of
// requests is stored, and a batch answers them in the background, on the durable queue
// that `tandem batch` has. What a key may not, its batches may not, and only that key
// sees them. A batch that was under way when the process ended goes on with the next.
package batches

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/pace"
)

const (
	filePrefix  = "file-"
	batchPrefix = "batch_"
	// keepFiles is how long files, and batches that have ended, are kept.
	keepFiles = 30 * 24 * time.Hour
	// mostStored is how many bytes all files may take.
	mostStored = 20 << 30
	// mostOpen is how many batches may wait or run, and mostRunning how many run.
	mostOpen, mostRunning = 100, 4
	// sweepEvery is how often what is kept too long is removed.
	sweepEvery = time.Hour
)

// idForm is what follows the prefix of an id.
var idForm = regexp.MustCompile(`^[0-9a-z]{14}$`)

// isID reports whether a text is an id with that prefix, and so a name of a file of ours.
func isID(id, prefix string) bool {
	return len(id) > len(prefix) && id[:len(prefix)] == prefix && idForm.MatchString(id[len(prefix):])
}

// Config is what a Service stands on.
type Config struct {
	Exchange *exchange.Exchange
	Dir      string // the state directory
	// OnBehalf is ctx for calls on behalf of the key of that name, with what it may now.
	// Errors: [ErrKeys]; or there is no such key any more. nil: nobody has keys.
	OnBehalf func(ctx context.Context, name string) (context.Context, error)
	// Explain is an error in the words of this program; nil: its own.
	Explain func(error) string
	// Say, if not nil, is told what becomes of batches, and Warn what is wrong. Neither
	// is told anything of a request.
	Say, Warn func(string)
	Version   string // of this program
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Service keeps files and runs batches. Make one with [New].
type Service struct {
	cfg     Config
	files   *folder
	pace    pace.Set
	uploads chan struct{}
	slots   chan struct{} // of batches that run
	grace   time.Duration // see graceTime

	ctx     context.Context // ends with the service
	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	live    map[string]*job // by the id of the batch's queue
	closed  bool
	stopped chan struct{} // closed with it
}

// New returns a service. It opens nothing, and runs nothing before [Service.Start].
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{
		cfg: cfg, files: &folder{dir: cfg.Dir + "/files", most: mostStored, now: cfg.Now},
		grace: graceTime, uploads: make(chan struct{}, mostUploads), slots: make(chan struct{}, mostRunning), live: map[string]*job{}, stopped: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Register adds the paths.
func (s *Service) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+FilesPath, s.upload)
	mux.HandleFunc("GET "+FilesPath, s.listFiles)
	mux.HandleFunc("GET "+FilesPath+"/{id}", s.getFile)
	mux.HandleFunc("GET "+FilesPath+"/{id}/content", s.content)
	mux.HandleFunc("DELETE "+FilesPath+"/{id}", s.deleteFile)
	mux.HandleFunc("POST /v1/batches", s.create)
	mux.HandleFunc("GET /v1/batches", s.listBatches)
	mux.HandleFunc("GET /v1/batches/{id}", s.getBatch)
	mux.HandleFunc("POST /v1/batches/{id}/cancel", s.cancelBatch)
}

// FilesPath is the path that takes files as a form.
const FilesPath = "/v1/files"

// ErrKeys says that nobody can tell now what a key may.
var ErrKeys = errors.New("the keys of this server cannot be read")

// Start goes on with the batches that were under way when the last process ended, and
// removes what was kept long enough, now and from time to time.
func (s *Service) Start(ctx context.Context) error {
	ids, err := batch.List(s.cfg.Dir)
	if err != nil {
		return err
	}
	for i := range ids {
		id := ids[len(ids)-1-i] // the oldest first
		r, err := s.look(ctx, id)
		switch {
		case err == nil && r.open():
			j, err := s.enter(id, r.record.Caller, math.MaxInt)
			if err != nil {
				return nil //nolint:nilerr // it is shutting down
			}
			s.begin(j, nil)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			s.warn("the batch " + id + " cannot be read, and is not continued before the next start: " + err.Error())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.running.Go(s.sweep)
	return nil
}

// sweep removes files and batches whose time is over.
func (s *Service) sweep() {
	for {
		if err := s.files.sweep(); err != nil {
			s.warn("files that are to be removed: " + err.Error())
		}
		s.sweepBatches()
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
	}
}

func (s *Service) sweepBatches() {
	ids, err := batch.List(s.cfg.Dir)
	if err != nil {
		return
	}
	for _, id := range ids {
		r, err := s.look(s.ctx, id)
		if err != nil || r.open() || s.now().Sub(time.Unix(r.record.ended(), 0)) < keepFiles {
			continue
		}
		if err := batch.Remove(s.cfg.Dir, id); err != nil {
			s.warn("a batch that is to be removed: " + err.Error())
		}
	}
}

// Stop has no more rows started. The function that it returns waits for those that are
// being answered, until ctx ends: then they are asked again the next time.
func (s *Service) Stop(ctx context.Context) (wait func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.stopped)
	}
	for _, j := range s.live {
		j.halt(endStopping)
	}
	if len(s.live) == 0 {
		s.cancel()
	}
	return func() {
		defer context.AfterFunc(ctx, s.cancel)()
		s.running.Wait()
		s.cancel()
	}
}

func (s *Service) now() time.Time { return s.cfg.Now() }

func (s *Service) caller(r *http.Request) string { return s.cfg.Exchange.Caller(r.Context()).Name }

func (s *Service) say(text string) {
	if s.cfg.Say != nil {
		s.cfg.Say(text)
	}
}

func (s *Service) warn(text string) {
	if s.cfg.Warn != nil {
		s.cfg.Warn(text)
	}
}
