package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gitignore"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
)

// stdinPath is what a text from standard input is known by.
const stdinPath = "-"

// textFile is a text to embed.
type textFile struct {
	path  string // absolute, or stdinPath
	name  string // as the user knows it
	found bool   // below a directory or by a pattern, and not named itself
}

// textFiles lists the files that args mean, each once. Below a directory hidden files
// and those that Git ignores are left out, and symbolic links are not followed: they
// may lead anywhere. Key files are left out unless they are named. skip is told about
// them, and about what was found and cannot be read.
func textFiles(args []string, skip func(name, reason string)) ([]textFile, error) {
	l := fileList{seen: map[string]bool{}, skip: skip}
	for _, arg := range args {
		if arg == stdinPath {
			l.out = append(l.out, textFile{path: stdinPath, name: "standard input"})
			continue
		}
		if err := l.add(arg, false); err != nil {
			return nil, err
		}
	}
	return l.out, nil
}

type fileList struct {
	out  []textFile
	seen map[string]bool
	skip func(name, reason string)
	// pipes: what is named itself may be a pipe, as <(…) makes one in a shell.
	pipes bool
}

func (l *fileList) add(arg string, found bool) error {
	st, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !found && strings.ContainsAny(arg, "*?["):
		return l.pattern(arg)
	case err != nil && found:
		l.skip(arg, cause(err).Error())
		return nil
	case err != nil:
		return usageError{fmt.Errorf("cannot read %s: %w", arg, cause(err))}
	case st.IsDir():
		return l.directory(arg)
	case st.Mode().IsRegular():
		return l.file(arg, found)
	case l.pipes && !found:
		return l.file(arg, false)
	case found:
		l.skip(arg, "not a regular file")
		return nil
	}
	return usageError{fmt.Errorf("%s is not a regular file; pipe it in: tandem embed NAME - < %[1]s", arg)}
}

func (l *fileList) pattern(arg string) error {
	names, err := filepath.Glob(arg)
	if err != nil {
		return usageError{fmt.Errorf("the pattern %s: %w", arg, err)}
	}
	if len(names) == 0 {
		return usageError{fmt.Errorf("no file matches %s", arg)}
	}
	for _, name := range names {
		if hidden(filepath.Base(name)) && !hidden(filepath.Base(arg)) {
			continue
		}
		if err := l.add(name, true); err != nil {
			return err
		}
	}
	return nil
}

func (l *fileList) directory(dir string) error {
	rules, err := gitignore.New(dir)
	if err != nil {
		return usageError{fmt.Errorf("cannot read %s: %w", dir, cause(err))}
	}
	return fs.WalkDir(os.DirFS(dir), ".", func(rel string, e fs.DirEntry, err error) error {
		name := filepath.Join(dir, filepath.FromSlash(rel))
		switch {
		case err != nil && rel == ".":
			return usageError{fmt.Errorf("cannot read %s: %w", dir, cause(err))}
		case err != nil:
			l.skip(name, cause(err).Error())
			return nil
		case rel != "." && hidden(e.Name()) && e.IsDir():
			return fs.SkipDir
		case rel != "." && rules.Ignored(name, e.IsDir()) && e.IsDir():
			return fs.SkipDir
		case hidden(e.Name()) || e.IsDir() || rules.Ignored(name, false):
			return nil
		case !e.Type().IsRegular():
			l.skip(name, "not a regular file, and symbolic links below a directory are not followed")
			return nil
		}
		return l.file(name, true)
	})
}

func (l *fileList) file(name string, found bool) error {
	if found && isKeyFile(filepath.Base(name)) {
		l.skip(name, keyFileReason)
		return nil
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if !l.seen[path] {
		l.seen[path] = true
		l.out = append(l.out, textFile{path: path, name: filepath.ToSlash(filepath.Clean(name)), found: found})
	}
	return nil
}

func hidden(base string) bool { return strings.HasPrefix(base, ".") && base != "." && base != ".." }

// read returns the file's text, its lines ended by \n: where a text is cut does
// not depend on the system that it was written on.
func (f textFile) read(ctx context.Context, t *terminal.Terminal) (string, error) {
	if f.path == stdinPath {
		if t.InIsTTY {
			t.Noticef("reading the text from the terminal; end it with Ctrl-D")
		}
		text, err := readText(ctx, f.name, t.In)
		return textx.UnixLines(text), err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	data, err := readFile(ctx, f.name, maxInput)
	if err != nil {
		return "", err
	}
	name := f.name
	if f.found {
		name = "it" // the line that tells of it begins with the name
	}
	text, err := cleanText(name, data)
	if err == nil && f.found && holdsPrivateKey(text) {
		return "", errors.New(keyFileReason)
	}
	return textx.UnixLines(text), err
}

// embedView tells on standard error how far it is: on a terminal in one line
// that changes, else with a line now and then.
type embedView struct {
	a     *app
	files int
	name  string
	at    int
	shown time.Time
}

func newEmbedView(a *app, files int) *embedView {
	v := &embedView{a: a, files: files}
	if !a.term.ShowsStatus() {
		v.shown = time.Now() // what is over at once needs no line
	}
	return v
}

// file says that a file's turn has come.
func (v *embedView) file(i int, name string) {
	v.at, v.name = i, name
	v.show("")
}

// passages says how many passages of the file are done.
func (v *embedView) passages(done, of int) { v.show(fmt.Sprintf(", passage %d of %d", done, of)) }

func (v *embedView) show(how string) {
	every := 5 * time.Second
	if v.a.term.ShowsStatus() {
		every = 100 * time.Millisecond
	}
	if v.a.flags.quiet || time.Since(v.shown) < every {
		return
	}
	v.shown = time.Now()
	line := fmt.Sprintf("file %d of %d%s: %s", v.at+1, v.files, how, terminal.StripControls(v.name))
	if !v.a.wait.show(line) {
		v.a.term.Noticef("· %s", line)
	}
}
