// Package chains serves the chains of a folder: as models, and as LangServe's routes. A
// file is read anew when it changes; one that is broken keeps its last good version, and
// says so.
package chains

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// fresh is how long it counts what the folder holds.
const fresh = 500 * time.Millisecond

// most is how many chains a folder may hold.
const most = 1000

// Folder is a folder of chain files. Only files in it are served, by their names
// without the extension; what they name has to lie in the folder too.
type Folder struct {
	warn func(string)

	mu    sync.Mutex
	dir   string
	at    time.Time
	files map[string]*file // by name
}

// file is a chain file, and the last version of it that could be read.
type file struct {
	path    string
	stamps  string // of the file and of what it names, as they were read
	chain   *chain.Chain
	info    exchange.Chain
	problem string // why the newest version cannot be used; empty: it can
}

// NewFolder serves a folder. Warn, if not nil, is told when a file becomes unreadable.
func NewFolder(dir string, warn func(string)) *Folder {
	return &Folder{dir: dir, warn: warn, files: map[string]*file{}}
}

// Move serves another folder from now on, with nothing of the old one. Runs under way end
// as they began.
func (f *Folder) Move(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if dir != f.dir {
		f.dir, f.at = dir, time.Time{}
		clear(f.files)
	}
}

// Extensions are those of chain files, in the order in which a name without one is
// looked up.
func Extensions() []string { return []string{".yaml", ".yml", ".json"} }

// IsFile reports whether a file of that name is one of a chain.
func IsFile(name string) bool {
	return slices.Contains(Extensions(), strings.ToLower(filepath.Ext(name)))
}

// refresh reads what has changed. The lock is held.
func (f *Folder) refresh() {
	if f.dir == "" || time.Since(f.at) < fresh {
		return
	}
	f.at = time.Now()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		clear(f.files)
		return
	}
	there := map[string]bool{}
	for _, e := range entries {
		base := e.Name()
		name := strings.TrimSuffix(base, filepath.Ext(base))
		if !IsFile(base) || strings.HasPrefix(base, ".") || there[name] || len(there) >= most {
			continue
		}
		path := filepath.Join(f.dir, base)
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			continue
		}
		there[name] = true
		f.read(name, path)
	}
	for name := range f.files {
		if !there[name] {
			delete(f.files, name)
		}
	}
}

// read reads a file if it has changed.
func (f *Folder) read(name, path string) {
	old := f.files[name]
	if old != nil && old.path == path && old.stamps == stamps(path, old.chain) {
		return
	}
	c, err := chain.Load(path)
	if err != nil {
		if old == nil {
			old = &file{}
			f.files[name] = old
		}
		old.path, old.stamps, old.problem = path, stamps(path, old.chain), err.Error()
		if f.warn != nil {
			f.warn(f.warning(name, old))
		}
		return
	}
	st, err := os.Stat(path)
	if err != nil {
		return
	}
	sum := sha256.New()
	for _, p := range c.Files() {
		data, err := os.ReadFile(p) //nolint:gosec // what the chain itself has read
		if err != nil {
			continue
		}
		_, _ = sum.Write(data) // it never fails
	}
	f.files[name] = &file{path: path, stamps: stamps(path, c), chain: c, info: exchange.Chain{
		Name: name, Description: c.Description(), Modified: st.ModTime(), Size: st.Size(), Digest: hex.EncodeToString(sum.Sum(nil)),
	}}
}

func (f *Folder) warning(name string, x *file) string {
	if x.chain == nil {
		return fmt.Sprintf("the chain %s cannot be used: %s", name, x.problem)
	}
	return fmt.Sprintf("the chain %s stays as it was, for its file is broken: %s", name, x.problem)
}

// stamps say which version of the files a chain was read from.
func stamps(path string, c *chain.Chain) string {
	paths := []string{path}
	if c != nil {
		paths = append(paths, c.Files()...)
	}
	var b strings.Builder
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", p, st.Size(), st.ModTime().UnixNano())
		}
	}
	return b.String()
}

// List is the chains that can be asked, by name.
func (f *Folder) List() []exchange.Chain {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	var out []exchange.Chain
	for _, x := range f.files {
		if x.chain != nil {
			out = append(out, x.info)
		}
	}
	slices.SortFunc(out, func(a, b exchange.Chain) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Find is the chain of that name. Stale says why it is not the newest version of its
// file; empty: it is. Errors: a *exchange.Failure.
func (f *Folder) Find(name string) (c *chain.Chain, stale string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	x := f.files[name]
	switch {
	case x == nil:
		names := make([]string, 0, len(f.files))
		for n := range f.files {
			names = append(names, n)
		}
		slices.Sort(names)
		text := fmt.Sprintf("there is no chain %q", name)
		if len(names) > 0 {
			text += "; chains: " + strings.Join(names, ", ")
		} else {
			text += ", nor any other; put chain files into " + f.dir
		}
		return nil, "", &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoModel, Message: text, Param: "model", Err: errors.New(text)}
	case x.chain == nil:
		text := f.warning(name, x)
		return nil, "", &exchange.Failure{Status: http.StatusServiceUnavailable, Code: exchange.CodeInvalid, Message: text, Err: errors.New(text)}
	case x.problem != "":
		stale = f.warning(name, x)
	}
	return x.chain, stale, nil
}
