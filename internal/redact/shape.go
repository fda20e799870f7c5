package redact

import "strings"

// shapes finds what has the form of a well-known service's key, of a header's
// credential, of a URL's, or of a JSON Web Token.
func shapes(text string) (found []span) {
	found = prefixed(text)
	for _, s := range []struct {
		lead  string
		least int // characters that follow
		of    func(byte) bool
	}{
		{"AIza", 12, inName},
		{"AKIA", 16, func(c byte) bool { return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' }},
		{"Bearer ", 20, func(c byte) bool { return inBase64(c) || c == '.' || c == '~' }},
	} {
		each(text, s.lead, func(at int) int {
			if !startsWord(text, at) {
				return 0
			}
			n := while(text[at+len(s.lead):], s.of)
			if n >= s.least {
				found = append(found, span{at, at + len(s.lead) + n})
			}
			return n
		})
	}
	each(text, "://", func(at int) int {
		if n := userinfo(text[at+3:]); n > 0 {
			found = append(found, span{at, at + 3 + n})
			return n
		}
		return 0
	})
	each(text, "eyJ", func(at int) int {
		if !startsWord(text, at) {
			return 0
		}
		n, ok := webToken(text[at:])
		if ok {
			found = append(found, span{at, at + n})
		}
		return n - len("eyJ")
	})
	return found
}

// prefixed finds the keys that begin with a service's name and - or _. It looks
// for these two, which is one pass over the text.
func prefixed(text string) (found []span) {
	for i := 0; i < len(text); i++ {
		if text[i] != '-' && text[i] != '_' {
			continue
		}
		for _, lead := range [...]string{"sk-", "sk_", "gsk_", "xai-", "hf_", "nvapi-", "r8_", "pplx-", "ghp_", "github_pat_"} {
			at := i + 1 - len(lead)
			if at < 0 || text[at:i+1] != lead || !startsWord(text, at) {
				continue
			}
			n := while(text[i+1:], inName)
			if n >= 12 {
				found = append(found, span{at, i + 1 + n})
			}
			i += n
			break
		}
	}
	return found
}

// each calls do with every place of lead in text; it returns how far beyond
// lead the next is looked for.
func each(text, lead string, do func(at int) int) {
	for at := 0; ; {
		i := strings.Index(text[at:], lead)
		if i < 0 {
			return
		}
		at += i
		at += len(lead) + do(at)
	}
}

// userinfo is the length of `user:password@`.
func userinfo(text string) int {
	user := while(text, func(c byte) bool { return c > ' ' && c != '/' && c != '@' && c != ':' })
	if user == 0 || user == len(text) || text[user] != ':' {
		return 0
	}
	password := while(text[user+1:], func(c byte) bool { return c > ' ' && c != '/' && c != '@' })
	end := user + 1 + password
	if password == 0 || end == len(text) || text[end] != '@' {
		return 0
	}
	return end + 1
}

// webToken reports whether text begins with a JSON Web Token, eyJ… and two parts
// more, and how much of text was looked at.
func webToken(text string) (end int, ok bool) {
	for i, least := range []int{11, 8, 4} {
		n := while(text[end:], inName)
		if end += n; n < least {
			return end, false
		}
		if i < 2 {
			if end == len(text) || text[end] != '.' {
				return end, false
			}
			end++
		}
	}
	return end, true
}

// suspects are the long words that suspect takes for keys.
func suspects(text string, suspect func(string) bool) (found []span) {
	if suspect == nil {
		return nil
	}
	for at := 0; at < len(text); at++ {
		n := while(text[at:], inBase64)
		if n >= 32 && suspect(text[at:at+n]) {
			found = append(found, span{at, at + n})
		}
		at += n
	}
	return found
}

func while(text string, of func(byte) bool) int {
	for i := range len(text) {
		if !of(text[i]) {
			return i
		}
	}
	return len(text)
}

func inName(c byte) bool { return letterOrDigit(c) || c == '-' || c == '_' }

func startsWord(text string, at int) bool {
	return at == 0 || !letterOrDigit(text[at-1]) && text[at-1] != '_'
}
