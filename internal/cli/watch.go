package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
)

// settled is how long files must be unchanged before a run: editors write in
// several steps.
const settled = 100 * time.Millisecond

// watch runs the chain, and again whenever a file that it is made of changes,
// until it is interrupted.
func (a *app) watch(ctx context.Context, in runInput) error {
	for _, p := range in.params {
		if name, text, _ := strings.Cut(p, "="); text == "-" {
			return usageError{fmt.Errorf("-p %s=- can be read only once, but --watch runs repeatedly; write it to a file and use -p %s=@FILE", name, name)}
		}
	}
	w, err := newFileWatch(in)
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		if err := w.files(); err != nil {
			return err
		}
		changed, err := a.runWatched(ctx, in, w)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
		a.dimf("· %s changed; running again", changed)
	}
}

// runWatched runs the chain, waits for a change, and says what has changed. A
// run under way ends then. The error is that nobody reads what comes of it.
func (a *app) runWatched(ctx context.Context, in runInput, w *fileWatch) (changed string, _ error) {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = a.runOnce(run, in)
	}()
	change := w.next(ctx)
	select {
	case changed = <-change:
		cancel()
		<-ended // its answer ended where it was
		return changed, nil
	case <-ended:
		switch {
		case ctx.Err() != nil:
			return "", nil
		case unread(err):
			return "", err
		}
		if err != nil && !errors.Is(err, errReported) {
			a.report(err)
		}
		a.dimf("· waiting for changes of %s; Ctrl-C ends", in.file)
		return <-change, nil
	}
}

// fileWatch tells of changes of the files that a run is made of.
type fileWatch struct {
	*fsnotify.Watcher
	in     runInput
	names  []string // absolute
	dirs   []string // that are watched: an editor may put a new file in a file's place
	broken string   // the directory in which every chain file counts, for ours cannot be read
}

func newFileWatch(in runInput) (*fileWatch, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("the system does not report changed files: %w; run without --watch", err)
	}
	return &fileWatch{Watcher: watcher, in: in}, nil
}

// files finds out which files the run is made of.
func (w *fileWatch) files() error {
	files := []string{w.in.file}
	for _, p := range w.in.params {
		if _, text, _ := strings.Cut(p, "="); strings.HasPrefix(text, "@") {
			files = append(files, text[1:])
		}
	}
	if w.in.rows.file != "" {
		files = append(files, w.in.rows.file)
	}
	w.broken = ""
	c, err := chain.Load(w.in.file, w.in.trusted.load()...)
	if err == nil {
		files = append(files, c.Files()...)
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			return &diag.Error{File: f, Message: err.Error()}
		}
		names = append(names, abs)
	}
	w.names = names
	if err != nil {
		w.broken = filepath.Dir(names[0])
	}
	for _, name := range names {
		dir := filepath.Dir(name)
		if slices.Contains(w.dirs, dir) {
			continue
		}
		if err := w.Add(dir); err != nil {
			return usageError{fmt.Errorf("cannot watch %s: %w", dir, cause(err))}
		}
		w.dirs = append(w.dirs, dir)
	}
	return nil
}

// next gives the name of the first file that changes, once they no longer change.
func (w *fileWatch) next(ctx context.Context) <-chan string {
	changed := make(chan string, 1)
	go func() {
		defer close(changed)
		name := ""
		quiet := time.NewTimer(time.Hour)
		quiet.Stop()
		defer quiet.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-w.Events:
				if !ok {
					return
				}
				if w.counts(e) {
					if name == "" {
						name = filepath.Base(e.Name)
					}
					quiet.Reset(settled)
				}
			case _, ok := <-w.Errors: // events were lost
				if !ok {
					return
				}
				name = "a file"
				quiet.Reset(settled)
			case <-quiet.C:
				changed <- name
				return
			}
		}
	}()
	return changed
}

// counts reports whether an event is a change of what the run is made of.
func (w *fileWatch) counts(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	if slices.Contains(w.names, e.Name) {
		return true
	}
	// Not every file: standard error may go to one that lies there, too.
	chains := []string{".yaml", ".yml", ".json"}
	return w.broken != "" && filepath.Dir(e.Name) == w.broken && slices.Contains(chains, filepath.Ext(e.Name))
}
