package engine

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLog is the size at which a log is put aside, in bytes; one old one stays.
const maxLog = 8 << 20

// LogPath is the file that the server's own output goes to.
func (e *Engine) LogPath() string { return e.path("ollama.log") }

// openLog opens the log for a server that starts now, whose output begins at
// from.
func (e *Engine) openLog() (log *os.File, from int64, err error) {
	if info, err := os.Stat(e.LogPath()); err == nil && info.Size() > maxLog {
		_ = os.Rename(e.LogPath(), e.LogPath()+".1") // if not, the log grows
	}
	log, err = os.OpenFile(e.LogPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the log: %w", err)
	}
	if info, err := log.Stat(); err == nil {
		from = info.Size()
	}
	return log, from, nil
}

// rotate puts the log of a running server aside when it has grown too large. It
// copies and empties the file that the server appends to; what is written
// between the two is lost.
func (e *Engine) rotate() {
	info, err := os.Stat(e.LogPath())
	if err != nil || info.Size() <= maxLog {
		return
	}
	old, err := os.Open(e.LogPath())
	if err != nil {
		return
	}
	defer old.Close()
	aside, err := os.OpenFile(e.LogPath()+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, err = io.Copy(aside, io.LimitReader(old, info.Size()))
	if err = joinClose(err, aside); err == nil {
		_ = os.Truncate(e.LogPath(), 0)
	}
}

func joinClose(err error, c io.Closer) error {
	if closed := c.Close(); err == nil {
		return closed
	}
	return err
}

// lastWords is the last line that was logged after from, or "none".
func (e *Engine) lastWords(from int64) string {
	f, err := os.Open(e.LogPath())
	if err != nil {
		return "none"
	}
	defer f.Close()
	const enough = 4 << 10
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-enough)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, from, enough))
	if err != nil {
		return "none"
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte{'\n'})
	last := strings.ToValidUTF8(strings.TrimSpace(string(lines[len(lines)-1])), "\uFFFD")
	if last == "" {
		return "none"
	}
	if len(last) > 300 {
		last = strings.ToValidUTF8(last[:300], "") + "…"
	}
	return last
}
