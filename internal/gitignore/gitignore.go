// Package gitignore reads .gitignore files.
package gitignore

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxFile bounds how much of a .gitignore is read.
const maxFile = 1 << 20

// Rules are the patterns of the .gitignore files of a tree, and of .git/info/exclude,
// as Git reads them. The user's global excludes are not read.
type Rules struct {
	top  string // absolute
	dirs map[string][]rule
}

// rule is one pattern.
type rule struct {
	parts   []string // between slashes; ** is any number of folders
	negated bool     // what matches is not ignored after all
	folders bool     // only folders match
}

// New returns the rules that hold in a folder: those of the repository that it is in,
// or of the folder itself and those below it. Files are read as they are needed; one
// that cannot be read has no patterns.
func New(dir string) (*Rules, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	top := abs
	for d := abs; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			top = d
			break
		}
		if filepath.Dir(d) == d {
			break
		}
	}
	return &Rules{top: top, dirs: map[string][]rule{}}, nil
}

// Ignored reports whether Git ignores a file or folder in a folder that it does not
// ignore. The last pattern that matches decides, those of the nearest folder last.
func (r *Rules) Ignored(name string, isDir bool) bool {
	abs, err := filepath.Abs(name)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(r.top, abs)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return false
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	ignored := false
	for i := range parts {
		for _, rule := range r.of(filepath.Join(r.top, filepath.Join(parts[:i]...))) {
			if (isDir || !rule.folders) && match(rule.parts, parts[i:]) {
				ignored = !rule.negated
			}
		}
	}
	return ignored
}

// of returns the rules of one folder.
func (r *Rules) of(dir string) []rule {
	rules, ok := r.dirs[dir]
	if !ok {
		if dir == r.top {
			rules = read(filepath.Join(dir, ".git", "info", "exclude"))
		}
		rules = append(rules, read(filepath.Join(dir, ".gitignore"))...)
		r.dirs[dir] = rules
	}
	return rules
}

func read(name string) (rules []rule) {
	st, err := os.Lstat(name)
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxFile {
		return nil
	}
	data, err := fs.ReadFile(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if err != nil {
		return nil
	}
	lines := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	lines.Buffer(nil, maxFile)
	for lines.Scan() {
		if rule, ok := parse(lines.Text()); ok {
			rules = append(rules, rule)
		}
	}
	return rules
}

// parse reads one line.
func parse(line string) (r rule, ok bool) {
	line = strings.TrimSuffix(line, "\r")
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	if line == "" || strings.HasPrefix(line, "#") {
		return r, false
	}
	line, r.negated = strings.CutPrefix(line, "!")
	line, r.folders = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return r, false
	}
	r.parts = strings.Split(strings.ReplaceAll(line, "[!", "[^"), "/")
	if !anchored {
		r.parts = append([]string{"**"}, r.parts...)
	}
	return r, true
}

// match reports whether the parts of a pattern match those of a path.
func match(pattern, parts []string) bool {
	switch {
	case len(pattern) == 0:
		return len(parts) == 0
	case pattern[0] == "**" && len(pattern) == 1:
		return len(parts) > 0
	case pattern[0] == "**":
		return match(pattern[1:], parts) || len(parts) > 0 && match(pattern, parts[1:])
	case len(parts) == 0:
		return false
	}
	ok, err := path.Match(strings.ReplaceAll(pattern[0], "**", "*"), parts[0])
	return err == nil && ok && match(pattern[1:], parts[1:])
}
