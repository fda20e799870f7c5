package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// filesNamed are the files with one of these extensions, any without them, and folders.
func filesNamed(extensions ...string) completer {
	return func(_ context.Context, c *completion) []cobra.Completion { return paths(c.prefix, extensions...) }
}

func folders(_ context.Context, c *completion) []cobra.Completion { return paths(c.prefix, "/") }

// atFiles are files behind an @.
func atFiles(_ context.Context, c *completion) []cobra.Completion {
	path, ok := strings.CutPrefix(c.prefix, "@")
	if !ok {
		return nil
	}
	return prefixed("@", paths(path))
}

func prefixed(before string, list []cobra.Completion) []cobra.Completion {
	for i := range list {
		list[i] = before + list[i]
	}
	return list
}

// paths are the files and folders whose path begins so, hidden ones only if that
// is said. A folder ends with a slash.
func paths(prefix string, extensions ...string) (out []cobra.Completion) {
	dir, start := filepath.Split(prefix)
	look := dir
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			look = filepath.Join(home, rest)
		}
	}
	if look == "" {
		look = "."
	}
	entries, _ := os.ReadDir(look)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, start) || start == "" && strings.HasPrefix(name, ".") {
			continue
		}
		st, err := os.Stat(filepath.Join(look, name))
		switch {
		case err != nil:
		case st.IsDir():
			out = append(out, dir+name+"/")
		case len(extensions) == 0 || slices.Contains(extensions, strings.ToLower(filepath.Ext(name))):
			out = append(out, dir+name)
		}
	}
	return out
}
