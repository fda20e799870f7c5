package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// pathsOf are the files that a text names. It is one path, as it is or as a
// terminal pastes it: in quotation marks, with escaped spaces, or as a file: URL.
// Where there is no such file, it is several, as a shell would read them.
func pathsOf(text string) []string {
	words := shellWords(text)
	whole := []string{text}
	if len(words) == 1 {
		whole = append(whole, words[0])
	}
	for _, path := range whole {
		if path = localPath(path); exists(path) {
			return []string{path}
		}
	}
	some := false
	for i := range words {
		words[i] = localPath(words[i])
		some = some || exists(words[i]) || strings.ContainsAny(words[i], "*?[")
	}
	if !some {
		return []string{localPath(strings.Join(words, " "))} // the error names all that was typed
	}
	return words
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// localPath is a path without ~ and file://.
func localPath(path string) string {
	if u, err := url.Parse(path); err == nil && u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") {
		path = u.Path
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// shellWords are the words of a text, between white space, with quotation marks and
// backslashes taken as a shell takes them. On Windows a backslash is a part of a
// path.
func shellWords(text string) (words []string) {
	var word strings.Builder
	inside, quote := false, rune(0)
	end := func() {
		if inside {
			words = append(words, word.String())
		}
		word.Reset()
		inside = false
	}
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'' && runtime.GOOS != "windows":
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ' || r == '\t' || r == '\n':
			end()
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	end()
	return words
}
