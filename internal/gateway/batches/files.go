package batches

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/files"
)

// file is what is known of a stored file.
type file struct {
	ID      string `json:"id"`
	Caller  string `json:"caller,omitempty"` // the name of the key that it belongs to
	Name    string `json:"filename"`
	Purpose string `json:"purpose"`
	Bytes   int64  `json:"bytes"`
	Created int64  `json:"created_at"` // seconds since 1970
	Expires int64  `json:"expires_at"`
}

// folder keeps files, each beside what is known of it. A file is there once that is
// written, which is last.
type folder struct {
	dir  string
	most int64 // bytes of all files
	now  func() time.Time

	mu sync.Mutex // of what adds up to most
}

// errFull is that the files take all the room that they may.
var errFull = errors.New("no room is left")

func (d *folder) path(id string) string  { return filepath.Join(d.dir, id+".jsonl") }
func (d *folder) facts(id string) string { return filepath.Join(d.dir, id+".json") }

// maxFacts is how large what is known of a file may be.
const maxFacts = 1 << 20

// draft makes a file that has no name yet.
func (d *folder) draft() (*files.Draft, error) {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, err
	}
	return files.NewDraft(d.dir, "file", 0o600)
}

// put gives a draft that is written its name, in place of one of the same id.
func (d *folder) put(draft *files.Draft, f *file) error {
	st, err := draft.Stat()
	if err == nil {
		err = draft.Sync()
	}
	if err != nil {
		return err
	}
	f.Bytes = st.Size()
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.all()
	if err != nil {
		return err
	}
	sum := f.Bytes
	for i := range all {
		if all[i].ID != f.ID {
			sum += all[i].Bytes
		}
	}
	if sum > d.most {
		return errFull
	}
	if err := draft.Publish(d.path(f.ID)); err != nil {
		return err
	}
	return files.Replace(d.facts(f.ID), data, 0o600)
}

// get is the file of that id, if it is the caller's and its time is not over;
// fs.ErrNotExist: there is none.
func (d *folder) get(caller, id string) (file, error) {
	f, err := d.read(id)
	if err == nil && (f.Caller != caller || f.Expires <= d.now().Unix()) {
		err = fs.ErrNotExist
	}
	return f, err
}

func (d *folder) read(id string) (f file, err error) {
	if !isID(id, filePrefix) {
		return f, fs.ErrNotExist
	}
	data, err := files.Read(d.facts(id), maxFacts)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f); err != nil || f.ID != id {
		return f, fmt.Errorf("%s is damaged", d.facts(id))
	}
	return f, nil
}

// all are the files of all callers, the newest first. One that cannot be read is left
// out.
func (d *folder) all() ([]file, error) {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []file
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		if f, err := d.read(id); err == nil {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

// list are a caller's files, the newest first.
func (d *folder) list(caller, purpose string) ([]file, error) {
	all, err := d.all()
	now := d.now().Unix()
	return slices.DeleteFunc(all, func(f file) bool {
		return f.Caller != caller || f.Expires <= now || purpose != "" && f.Purpose != purpose
	}), err
}

// open opens a file's contents.
func (d *folder) open(id string) (*os.File, error) { return os.Open(d.path(id)) }

// remove removes a file.
func (d *folder) remove(id string) error {
	err := os.Remove(d.facts(id))
	if rest := os.Remove(d.path(id)); err == nil && !errors.Is(rest, fs.ErrNotExist) {
		err = rest
	}
	return err
}

// sweep removes files whose time is over, and what a process left that ended in the
// middle.
func (d *folder) sweep() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		id, isContents := strings.CutSuffix(name, ".jsonl")
		if !isContents {
			id = strings.TrimSuffix(name, ".json")
		}
		f, known := d.read(id)
		info, gone := e.Info()
		switch {
		case gone != nil:
		case known == nil && f.Expires <= d.now().Unix():
			err = errors.Join(err, d.remove(id))
		case errors.Is(known, fs.ErrNotExist) && d.now().Sub(info.ModTime()) > leftAfter:
			err = errors.Join(err, os.Remove(filepath.Join(d.dir, name)))
		}
	}
	return err
}

// leftAfter is how old a file without facts has to be to be one that a process left.
const leftAfter = time.Hour
