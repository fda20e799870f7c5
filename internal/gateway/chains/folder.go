// Package chains serves the chains of a folder: as models, and as LangServe's routes. A
// file is read again when it changes; one that is broken keeps its last good version, and
// says so.
package chains

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

const (
	// fresh is how long it counts what the folder holds.
	fresh = 500 * time.Millisecond
	// mostChains is how many chains a folder may hold.
	mostChains = 1000
	// mostName is how many bytes the name of a chain may have.
	mostName = 200
)

// Folder is a folder of chain files. Only files in it are served, by their names
// without the extension, and what they name has to lie in the folder too: no symbolic
// link leads out. Nothing that it says tells where the folder is.
type Folder struct {
	warn func(string)

	mu     sync.Mutex
	dir    string
	fsys   fs.FS // of dir; nil: there is none
	at     time.Time
	files  map[string]*file // by name
	warned map[string]bool
}

// NewFolder serves a folder; empty: none. Warn, if not nil, is told when a file cannot
// be used.
func NewFolder(dir string, warn func(string)) *Folder {
	f := &Folder{warn: warn, files: map[string]*file{}, warned: map[string]bool{}}
	f.Move(dir)
	return f
}

// Move serves another folder from now on, empty: none, with nothing of the old one. Runs under way end
// as they began.
func (f *Folder) Move(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if dir == f.dir {
		return
	}
	f.dir, f.fsys, f.at = dir, nil, time.Time{}
	if dir != "" {
		f.fsys = files.RootFS(dir)
	}
	clear(f.files)
}

// Extensions are those of chain files, in the order in which a name without one is
// looked up.
func Extensions() []string { return []string{".yaml", ".yml", ".json"} }

// IsFile reports whether a file of that name is one of a chain.
func IsFile(name string) bool { return rank(name) >= 0 }

// rank is the place of a file's extension among those of chains; -1: it has none.
func rank(name string) int {
	return slices.Index(Extensions(), strings.ToLower(path.Ext(name)))
}

// refresh reads what has changed. The lock is held.
func (f *Folder) refresh() {
	if f.fsys == nil || time.Since(f.at) < fresh {
		return
	}
	first := f.at.IsZero()
	f.at = time.Now()
	entries, err := fs.ReadDir(f.fsys, ".")
	if errors.Is(err, fs.ErrNotExist) {
		clear(f.files)
		return
	}
	if err != nil { // what there was stays: too many files may be open
		f.warnOnce(fmt.Sprintf("the folder of chains cannot be read, so the chains that were read last are served: %v", err))
		return
	}
	there := f.choose(entries)
	for name, base := range there {
		f.read(name, base, first)
	}
	maps.DeleteFunc(f.files, func(name string, _ *file) bool { return there[name] == "" })
}

// choose finds the file of each chain. Of several that differ in the extension, it is
// the one that the command line finds.
func (f *Folder) choose(entries []fs.DirEntry) (there map[string]string) {
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return rank(a.Name()) - rank(b.Name()) })
	there = map[string]string{}
	for _, e := range entries {
		base := e.Name()
		name := strings.TrimSuffix(base, path.Ext(base))
		if !IsFile(base) || strings.HasPrefix(base, ".") {
			continue
		}
		st, err := fs.Stat(f.fsys, base)
		switch {
		case !nameable(name):
			f.warnOnce(fmt.Sprintf("the file %q is not served as a chain: its name has characters that a model's name cannot have, or is longer than %d bytes", base, mostName))
		case err == nil && !st.Mode().IsRegular():
		case there[name] != "":
			f.warnOnce(fmt.Sprintf("the file %q is not used: %q has the same name", base, there[name]))
		case len(there) == mostChains:
			f.warnOnce(fmt.Sprintf("the folder of chains has more than %d files, and the others are not used", mostChains))
			return there
		default: // one that cannot be looked at is broken
			there[name] = base
		}
	}
	return there
}

// nameable reports whether a chain of that name can be asked for.
func nameable(name string) bool {
	return len(name) <= mostName && utf8.ValidString(name) && !strings.ContainsAny(name, `/\:`) &&
		strings.TrimSpace(name) == name && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// mostWarned is how many warnings are remembered.
const mostWarned = 1000

func (f *Folder) warnOnce(text string) {
	if f.warn == nil || f.warned[text] {
		return
	}
	if len(f.warned) == mostWarned {
		clear(f.warned)
	}
	f.warned[text] = true
	f.warn(text)
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

// mostNamed is how many chains an error names.
const mostNamed = 20

// Find is the chain of that name. Stale says why it is not the newest version of its
// file; empty: it is. Errors: a *exchange.Failure.
func (f *Folder) Find(name string) (c *chain.Chain, stale string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	x := f.files[name]
	switch {
	case x == nil:
		return nil, "", f.unknown(name)
	case x.chain == nil:
		text := warning(name, x)
		return nil, "", &exchange.Failure{Status: http.StatusBadRequest, Code: exchange.CodeChain, Message: text, Param: "model", Err: errors.New(text)}
	case x.problem != "":
		stale = warning(name, x)
	}
	return x.chain, stale, nil
}

func (f *Folder) unknown(name string) error {
	text := fmt.Sprintf("there is no chain %q", exchange.Brief(name))
	names := slices.Sorted(maps.Keys(f.files))
	switch {
	case len(names) > mostNamed:
		text += fmt.Sprintf("; chains: %s, and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
	case len(names) > 0:
		text += "; chains: " + strings.Join(names, ", ")
	default:
		text += ", nor any other; put chain files into the folder of saved chains where tandem serve runs"
	}
	return &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoModel, Message: text, Param: "model", Err: errors.New(text)}
}
