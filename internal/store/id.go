package store

import (
	"crypto/rand"
	"strings"
	"time"
)

// digits are those of Crockford's base 32: no letter looks like another, and
// they sort as their values do.
const digits = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns the id of a run: 14 letters and digits that sort by time, to
// the millisecond. The last 5 are chance.
func NewID() string { return idAt(time.Now()) }

// LooksLikeID reports whether a word has the form of an id, or of the first characters
// of one, whether or not a letter is mistyped: 6 to 16 letters and digits, of both,
// that begin with a digit.
func LooksLikeID(word string) bool {
	const figures, letters = "0123456789", "abcdefghijklmnopqrstuvwxyz"
	return len(word) >= 6 && len(word) <= 16 && word[0] >= '0' && word[0] <= '9' &&
		strings.Trim(strings.ToLower(word), figures+letters) == "" && strings.Trim(word, figures) != ""
}

func idAt(t time.Time) string {
	var id [14]byte
	ms := t.UnixMilli()
	for i := 8; i >= 0; i-- {
		id[i] = digits[ms&31]
		ms >>= 5
	}
	var chance [5]byte
	_, _ = rand.Read(chance[:]) // it never fails
	for i, b := range chance {
		id[9+i] = digits[b&31]
	}
	return string(id[:])
}
