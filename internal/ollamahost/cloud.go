package ollamahost

import (
	"strconv"
	"strings"
)

// CloudModel reports whether an Ollama may have a model of that name run by
// ollama.com. It never says no where Ollama says yes, and says yes to more.
//
// Ollama's rule (internal/modelref, since 0.20): with the spaces around it cut
// off, the name's last colon is followed, in any case, by "cloud", or by a tag
// that ends in "-cloud". Here a name without a tag that ends in "-cloud" is one
// too, as older servers had them, and so is a name that becomes one by what a
// reader may take away from it: the tags "latest" and "local", dots, slashes
// and colons at its end, a digest, percent signs, and characters that no name
// has.
func CloudModel(name string) bool {
	for before := ""; before != name; {
		if endsInCloud(name) {
			return true
		}
		if i := strings.IndexAny(name, "@?#"); i >= 0 && endsInCloud(name[:i]) {
			return true
		}
		before, name = name, unescape(name)
	}
	return false
}

func endsInCloud(name string) bool {
	name = plain(name)
	for before := ""; before != name; {
		before = name
		name = strings.TrimRight(name, "./:")
		name = strings.TrimSuffix(strings.TrimSuffix(name, ":latest"), ":local")
	}
	return strings.HasSuffix(name, ":cloud") || strings.HasSuffix(name, "-cloud")
}

// ValidModel reports whether valid, Ollama's own check of a name, holds for what
// is left of name without the word that says where it runs, ":cloud" or
// ":local": "gpt-oss:20b:local" is a name of Ollama's.
func ValidModel(name string, valid func(string) bool) bool {
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		if tag := strings.ToLower(name[i+1:]); tag == "cloud" || tag == "local" {
			return valid(name[:i])
		}
	}
	return valid(name)
}

// plain is name in small letters, without what is in no name.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', strings.ContainsRune("/:._-", r):
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}

// unescape reads each percent sign that two hexadecimal digits follow.
func unescape(text string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		text = after
		if len(after) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(after[:2], 16, 8); err == nil {
			b.WriteByte(byte(n))
			text = after[2:]
		}
	}
}
