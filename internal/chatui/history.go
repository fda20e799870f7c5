package chatui

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
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
	n, err := h.read()
	if err == nil && n > 2*most {
		err = h.rewrite()
	}
	return h, err
}

// read remembers what is in the file, and returns how many lines that is.
func (h *History) read() (n int, err error) {
	f, err := os.Open(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h.all = nil
	for lines := bufio.NewReader(f); ; n++ {
		line, err := readLine(lines)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		var text string
		if json.Unmarshal(line, &text) == nil { // a line that was cut is not a message
			h.remember(text)
		}
	}
}

// readLine reads the next line; empty: it is longer than a message can be.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) <= 8*longest { // JSON writes some letters as six
			line = append(line, part...)
		} else {
			line = line[:0]
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && len(line) > 0: // the last line, without an end
			return line, nil
		default:
			return line, err
		}
	}
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
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
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

// lockTime is how long another process may take that has the file.
const lockTime = 3 * time.Second

// lock keeps other processes from changing the file.
func (h *History) lock() (unlock func(), err error) {
	l := flock.New(h.path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	if _, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil // it ends with the process, too
}

// rewrite drops from the file what is not remembered. It reads the file again: others may
// have added to it.
func (h *History) rewrite() error {
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if n, err := h.read(); err != nil || n <= 2*most {
		return err
	}
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
