package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// The names of a project's file. Many programs have a config.yaml, so that one
// is Tandem's only if it looks so; the others always are.
const sharedName = "config.yaml"

func ownNames() []string { return []string{"tandem.yaml", ".tandem.yaml"} }

// findProject returns the path of a directory's project file: that of its
// config.yaml where there is none, and none where the config.yaml there, skipped,
// is another program's. Two files are an error: one of them would be ignored in
// silence.
func findProject(dir string, read func(string) ([]byte, error)) (path, skipped string, err error) {
	var found []string
	for _, name := range ownNames() {
		path := filepath.Join(dir, name)
		if _, err := read(path); !errors.Is(err, fs.ErrNotExist) {
			found = append(found, path)
		}
	}
	shared := filepath.Join(dir, sharedName)
	data, err := read(shared)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err == nil && !isTandems(shared, data), err != nil && isDir(shared):
		skipped = shared
	default:
		found = append(found, shared)
	}
	switch {
	case len(found) == 1:
		return found[0], skipped, nil
	case len(found) == 0 && skipped != "":
		return "", skipped, nil
	case len(found) == 0:
		return shared, "", nil
	}
	return "", "", &diag.Error{
		File:    found[1],
		Message: fmt.Sprintf("this directory has two Tandem configurations, %s and %s", filepath.Base(found[0]), filepath.Base(found[1])),
		Remedy:  "keep one of them",
	}
}

// readingOnce is read that reads each path once: what a project's file is judged by
// is what is read of it.
func readingOnce(read func(string) ([]byte, error)) func(string) ([]byte, error) {
	type outcome struct {
		data []byte
		err  error
	}
	known := map[string]outcome{}
	return func(path string) ([]byte, error) {
		o, ok := known[path]
		if !ok {
			o.data, o.err = read(path)
			known[path] = o
		}
		return o.data, o.err
	}
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// isTandems reports whether a config.yaml is Tandem's. It is if it says what may
// leave the machine or be spent, describes a provider, or uses a built-in one, and
// else if each of its keys is one of Tandem's or a misspelt one: a mistake in a file of
// Tandem's is to be reported, and must not loosen anything.
func isTandems(file string, data []byte) bool {
	root, err := yamlx.Parse(file, data)
	if err != nil {
		return keyOfOurs.Match(data)
	}
	if root == nil {
		return true // it is empty, and says nothing
	}
	if root.Kind != yaml.MappingNode {
		return false
	}
	known, all := fieldNames(topFields(), "providers"), true
	for i := 0; i < len(root.Content); i += 2 {
		name, value := root.Content[i].Value, yamlx.Follow(root.Content[i+1])
		if isMarkOfOurs(name, value) {
			return true
		}
		if _, near := diag.Nearest(name, known); !near && !slices.Contains(known, name) {
			all = false
		}
	}
	return all
}

// isMarkOfOurs reports whether no other program's file is likely to have that value of
// a key.
func isMarkOfOurs(name string, value *yaml.Node) bool {
	builtin := []string{LocalName, OpenAIName}
	switch name {
	case "privacy":
		return slices.Contains([]string{PrivacyAny, PrivacyLocal}, value.Value)
	case "offline":
		return value.Tag == "!!bool"
	case "budget":
		return value.Kind == yaml.MappingNode && (valueOf(value, "per_day_usd") != nil || valueOf(value, "per_run_usd") != nil)
	case "use":
		return slices.Contains(builtin, value.Value) || slices.ContainsFunc(value.Content, func(n *yaml.Node) bool {
			return slices.Contains(builtin, yamlx.Follow(n).Value)
		})
	case "providers":
		return value.Kind == yaml.SequenceNode && slices.ContainsFunc(value.Content, func(n *yaml.Node) bool {
			n = yamlx.Follow(n)
			if n.Kind != yaml.MappingNode {
				return false
			}
			called, kind := valueOf(n, "name"), valueOf(n, "kind")
			return called != nil && slices.Contains(builtin, yamlx.Follow(called).Value) ||
				kind != nil && slices.Contains([]string{KindOllama, KindOpenAI}, yamlx.Follow(kind).Value)
		})
	}
	return false
}

// keyOfOurs finds in a file that is not YAML what would make it Tandem's.
var keyOfOurs = regexp.MustCompile(`(?m)^(use|providers|privacy|offline)[ \t]*:`)
