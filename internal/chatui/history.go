package chatui

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// most is how many messages a history keeps, and longest how many bytes one may
// have to be kept.
const (
	most    = 1000
	longest = 64 << 10
)

// History is what was sent before, in a file that only its user can read: a
// JSON string a line. Several processes may add to it.
type History struct {
	path string // empty: no file
	keep func(string) bool
	all  []string // oldest first
}

// OpenHistory reads the history in a file; none is needed for there to be one.
// path may be empty: the history is then forgotten. keep says whether a message
// may be written down; nil: each may.
func OpenHistory(path string, keep func(string) bool) (*History, error) {
	h := &History{path: path, keep: keep}
	if path == "" {
		return h, nil
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8*longest) // JSON writes some letters as six
	n := 0
	for ; lines.Scan(); n++ {
		var text string
		if json.Unmarshal(lines.Bytes(), &text) == nil { // a line that was cut is not a message
			h.remember(text)
		}
	}
	if n > 2*most {
		return h, h.rewrite()
	}
	return h, lines.Err()
}

// Add adds a message.
func (h *History) Add(text string) error {
	if strings.TrimSpace(text) == "" || len(text) > longest || len(h.all) > 0 && h.all[len(h.all)-1] == text {
		return nil
	}
	h.remember(text)
	if h.path == "" || h.keep != nil && !h.keep(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	line, err := json.Marshal(text)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (h *History) remember(text string) {
	h.all = append(h.all, text)
	if len(h.all) > most {
		h.all = h.all[len(h.all)-most:]
	}
}

// rewrite drops from the file what is not remembered.
func (h *History) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history-*")
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	for _, text := range h.all {
		if err = enc.Encode(text); err != nil {
			break
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Len is how many messages there are.
func (h *History) Len() int { return len(h.all) }

// Last is the n-th last message, from 1.
func (h *History) Last(n int) string { return h.all[len(h.all)-n] }

// FindBefore returns which of the last messages, from the from-th last on, has text
// in it; 0: none.
func (h *History) FindBefore(text string, from int) int {
	for n := from; n <= len(h.all); n++ {
		if strings.Contains(strings.ToLower(h.Last(n)), strings.ToLower(text)) {
			return n
		}
	}
	return 0
}
