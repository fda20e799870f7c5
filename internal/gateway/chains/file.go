package chains

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// settled is how long a file has to be left alone before it counts as written: half of
// it may be a chain, too.
const settled = 200 * time.Millisecond

// racy is how long after a change another one may leave a file's time as it is.
const racy = 2 * time.Second

// file is a chain file, and the last version of it that could be used.
type file struct {
	base    string
	as      map[string]fs.FileInfo // it, and what it names, as they were read; nil: to be read again
	chain   *chain.Chain           // nil: no version could be used
	info    exchange.Chain
	problem string // why the newest version cannot be used; empty: it can
}

// read reads a file if it has changed. At first a file counts as written: there is no
// chain that could stay as it was.
func (f *Folder) read(name, base string, first bool) {
	x := f.files[name]
	now := time.Now()
	st, err := fs.Stat(f.fsys, base)
	switch {
	case x != nil && x.base == base && f.unchanged(x):
		return
	case err == nil && !first && now.Sub(st.ModTime()) < settled && !st.ModTime().After(now):
		f.at = now.Add(settled - fresh) // soon
		return
	}
	if x == nil {
		x = &file{}
		f.files[name] = x
	}
	x.base = base
	// What is looked at before it is read is read again if it changes meanwhile.
	before := f.look([]string{base}, now)
	c, err := chain.LoadFS(f.fsys, base)
	if err != nil {
		x.as, x.problem = nil, err.Error() // what broke may be a file that it names
		f.warnOnce(warning(name, x))
		return
	}
	x.as = f.look(c.Files(), now)
	if x.as != nil && (before == nil || !same(before[base], x.as[base])) {
		x.as = nil
	}
	x.chain, x.problem = c, ""
	x.info = exchange.Chain{Name: name, Description: c.Description(), Size: 1, Digest: f.digest(c.Files())}
	if st != nil {
		x.info.Modified, x.info.Size = st.ModTime(), st.Size()
	}
}

// look is what the files are now. It is nil where that would not show a change: a file's
// time is as coarse as its file system makes it.
func (f *Folder) look(names []string, now time.Time) map[string]fs.FileInfo {
	out := make(map[string]fs.FileInfo, len(names))
	for _, name := range names {
		st, err := fs.Stat(f.fsys, name)
		if err != nil || now.Sub(st.ModTime()) < racy {
			return nil
		}
		out[name] = st
	}
	return out
}

// unchanged reports whether all files are as they were read.
func (f *Folder) unchanged(x *file) bool {
	for name, was := range x.as {
		is, err := fs.Stat(f.fsys, name)
		if err != nil || !same(was, is) {
			return false
		}
	}
	return x.as != nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (f *Folder) digest(names []string) string {
	sum := sha256.New()
	for _, name := range names {
		if data, err := fs.ReadFile(f.fsys, name); err == nil {
			_, _ = sum.Write(data) // it never fails
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func warning(name string, x *file) string {
	if x.chain == nil {
		return fmt.Sprintf("the chain %s cannot be used: %s", name, x.problem)
	}
	return fmt.Sprintf("the chain %s is served as it was last read, because its file is broken: %s", name, x.problem)
}
