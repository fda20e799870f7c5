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

// IsID reports whether a word is the whole id of a run or of a conversation, by its
// form.
func IsID(word string) bool {
	return len(word) == 14 && word[0] <= '9' && strings.Trim(word, digits) == ""
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
