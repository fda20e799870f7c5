package chains_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// folder is a folder whose warnings are kept.
type folder struct {
	*chains.Folder
	dir string

	mu     sync.Mutex
	warned []string
}

func newFolder(t *testing.T) *folder {
	f := &folder{dir: filepath.Join(t.TempDir(), "chains")}
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.Folder = chains.NewFolder(f.dir, func(text string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.warned = append(f.warned, text)
	})
	return f
}

func (f *folder) put(t *testing.T, name, text string) {
	t.Helper()
	write(t, filepath.Join(f.dir, name), text)
}

func (f *folder) names() []string {
	names := []string{}
	for _, c := range f.List() {
		names = append(names, c.Name)
	}
	return names
}

// becomes waits until a chain is described so; empty: until there is none.
func (f *folder) becomes(t *testing.T, name, description string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		l := f.List()
		i := slices.IndexFunc(l, func(c exchange.Chain) bool { return c.Name == name })
		if i < 0 && description == "" || i >= 0 && l[i].Description == description {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not become %q: %v", name, description, l)
		}
	}
}

// stays waits until the newest version of a chain is known to be broken, and is what is
// said of it.
func (f *folder) stays(t *testing.T, name string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, stale, err := f.Find(name); err == nil && c != nil && stale != "" {
			return stale
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not broken", name)
		}
	}
}

func described(text string) string { return "description: " + text + "\nprompt: hi\n" }

// Nothing outside the folder is a chain, or a part of one, whatever leads there; and no
// message tells where the folder is.
func TestNothingOutsideTheFolder(t *testing.T) {
	f := newFolder(t)
	outside := filepath.Dir(f.dir)
	write(t, filepath.Join(outside, "secret.yaml"), described("secret"))
	f.put(t, "good.yaml", described("first"))
	f.put(t, "part.yaml", "steps: [{name: a, chain: ../secret.yaml}]\n")
	f.put(t, "absolute.yaml", "chain: "+filepath.Join(outside, "secret.yaml")+"\n")
	f.put(t, "linked.yaml", "steps: [{name: a, chain: out.yaml}]\n")
	for name, to := range map[string]string{"out.yaml": "../secret.yaml", "away.yaml": filepath.Join(outside, "secret.yaml"), "loop.yaml": "loop.yaml", "inside.yaml": "good.yaml", "none.yaml": "nothing"} {
		if err := os.Symlink(to, filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.names(); !slices.Equal(got, []string{"good", "inside"}) {
		t.Errorf("chains %v", got)
	}
	for _, name := range []string{"out", "away", "loop", "none", "part", "absolute", "linked", "absent", "../secret"} {
		if _, _, err := f.Find(name); err == nil || strings.Contains(err.Error(), f.dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A good one that becomes a link that leads out stays as it was.
	if err := os.Remove(filepath.Join(f.dir, "good.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret.yaml", filepath.Join(f.dir, "good.yaml")); err != nil {
		t.Fatal(err)
	}
	if stale := f.stays(t, "good"); !strings.Contains(stale, "served as it was last read") || strings.Contains(stale, f.dir) {
		t.Errorf("said %s", stale)
	}
	f.becomes(t, "good", "first")
	for _, w := range f.warned {
		if strings.Contains(w, f.dir) {
			t.Errorf("warned %s", w)
		}
	}
}

// What is not a chain stands in no chain's way.
func TestWhatIsNoChain(t *testing.T) {
	f := newFolder(t)
	f.put(t, "good.yaml", described("good"))
	f.put(t, "huge.yaml", "description: huge\nprompt: '"+strings.Repeat("x", 2<<20)+"'\n")
	f.put(t, "binary.yaml", "\x00\xff")
	f.put(t, "empty.yaml", "")
	f.put(t, "bomb.yaml", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c]\nprompt: hi\n")
	f.put(t, ".hidden.yaml", described("hidden"))
	f.put(t, "good.yaml~", described("backup"))
	f.put(t, ".yaml", described("nameless"))
	f.put(t, "notes.txt", "notes")
	if err := os.Mkdir(filepath.Join(f.dir, "directory.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	odd := []string{"a\nb.yaml", "esc\x1b[31m.yaml", "zero\u200bwidth.yaml", " lead.yaml", "x:latest.yaml", strings.Repeat("n", 240) + ".yaml"}
	if runtime.GOOS == "linux" {
		odd = append(odd, "bad\xff.yaml")
	}
	for _, name := range odd {
		f.put(t, name, described("odd"))
	}
	f.put(t, "präsident von.yaml", described("letters"))
	if got := f.names(); !slices.Equal(got, []string{"good", "präsident von"}) {
		t.Errorf("chains %q", got)
	}
	for _, name := range []string{"huge", "binary", "empty", "bomb"} {
		if _, _, err := f.Find(name); err == nil || !strings.Contains(err.Error(), "cannot be used: "+name+".yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(f.warned); n != len(odd)+4 {
		t.Errorf("%d warnings: %q", n, f.warned)
	}
}

// Names that differ in case are two chains, where files are; names that differ in the
// extension only are one, and it is the file that the command line takes.
func TestTwins(t *testing.T) {
	f := newFolder(t)
	f.put(t, "a.json", `{"description": "json", "prompt": "hi"}`)
	f.put(t, "a.yml", described("yml"))
	f.put(t, "a.yaml", described("yaml"))
	f.put(t, "B.YAML", described("upper"))
	if got := f.names(); !slices.Equal(got, []string{"B", "a"}) {
		t.Errorf("chains %v", got)
	}
	f.becomes(t, "a", "yaml")
	if len(f.warned) != 2 || !strings.Contains(f.warned[0], `"a.yml" is not used: "a.yaml" has the same name`) {
		t.Errorf("warned %q", f.warned)
	}
	if err := os.Remove(filepath.Join(f.dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	f.becomes(t, "a", "yml")
}

// A file that is being written is not a version of its chain: half of it may be one, too.
func TestHalfWrittenFiles(t *testing.T) {
	f := newFolder(t)
	f.put(t, "c.yaml", described("0"))
	f.becomes(t, "c", "0")
	done := make(chan bool)
	go func() {
		defer close(done)
		for i := range 40 { // each is written in two goes, and the first is a chain
			file, err := os.Create(filepath.Join(f.dir, "c.yaml"))
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprint(file, described("half"))
			time.Sleep(10 * time.Millisecond)
			fmt.Fprintf(file, "notes: [%d]\n", i)
			_ = file.Close()
			time.Sleep(20 * time.Millisecond)
		}
		f.put(t, "c.yaml", described("whole"))
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			if l := f.List(); len(l) != 1 || l[0].Description == "half" {
				t.Fatalf("while it is written: %v", l)
			}
		}
	}
	f.becomes(t, "c", "whole")
}

// Every change is seen in the end, also one that leaves size and time as they were, and
// a folder that is replaced, goes away and comes back.
func TestChangesAreSeen(t *testing.T) {
	f := newFolder(t)
	path := filepath.Join(f.dir, "c.yaml")
	at := time.Now().Add(-time.Hour)
	for i := range 3 { // by another file of the same size and time
		text := described(fmt.Sprint("v", i))
		write(t, path+".new", text)
		if err := os.Chtimes(path+".new", at, at); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		f.becomes(t, "c", fmt.Sprint("v", i))
	}
	f.put(t, "c.yaml", described("w1"))
	f.becomes(t, "c", "w1")
	f.put(t, "c.yaml", described("w2"))
	f.becomes(t, "c", "w2")
	if err := os.Rename(f.dir, f.dir+".old"); err != nil {
		t.Fatal(err)
	}
	f.becomes(t, "c", "")
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.put(t, "c.yaml", described("again"))
	f.becomes(t, "c", "again")
	// A part that breaks leaves the chain as it was, and one that is mended is seen.
	f.put(t, "part.yaml", "prompt: part\n")
	f.put(t, "c.yaml", "description: parts\nsteps: [{name: a, chain: part.yaml}]\n")
	f.becomes(t, "c", "parts")
	long := time.Now().Add(-time.Hour) // the chain's own file has not changed for long
	if err := os.Chtimes(filepath.Join(f.dir, "c.yaml"), long, long); err != nil {
		t.Fatal(err)
	}
	f.put(t, "part.yaml", "prompt: '{'\n")
	if stale := f.stays(t, "c"); !strings.Contains(stale, "part.yaml:1:") {
		t.Errorf("said %s", stale)
	}
	f.put(t, "part.yaml", "prompt: mended\n")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, stale, err := f.Find("c"); err == nil && stale == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the part that is mended is not seen")
		}
	}
}
