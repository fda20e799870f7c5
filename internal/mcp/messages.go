package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"

	"github.com/tandem-llm/tandem/internal/textx"
)

// mostNoise is how much that is no message a server may write to its standard
// output between two messages, in bytes.
const mostNoise = 1 << 20

// messages is a server's standard output, a message of JSON-RPC a line. Lines that
// are none, such as a log's, are passed over, as the protocol's own clients do it;
// noise is told the first one.
type messages struct {
	out      io.Closer
	r        *bufio.Reader
	rest     []byte // of a message that is being read
	noise    func(line string)
	passed   int         // bytes passed over since the last message
	notMCP   atomic.Bool // nothing but noise has come, or too much of it
	tooLarge atomic.Bool // a message was over mostFrame
}

func newMessages(out io.ReadCloser) *messages {
	return &messages{out: out, r: bufio.NewReader(out), noise: func(string) {}}
}

var (
	errNoise    = errors.New("its standard output is not MCP")
	errTooLarge = errors.New("the message is too large")
)

// Read reads the messages, and nothing between them.
func (m *messages) Read(b []byte) (int, error) {
	for len(m.rest) == 0 {
		line, err := m.line()
		switch {
		case isMessage(line):
			m.rest, m.passed = line, 0
			m.notMCP.Store(false)
		case len(bytes.TrimSpace(line)) > 0:
			m.pass(line)
		}
		if m.passed > mostNoise {
			m.notMCP.Store(true)
			return 0, errNoise
		}
		if err != nil && len(m.rest) == 0 {
			return 0, err
		}
	}
	n := copy(b, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// line reads a line with its end, or what there is before an error.
func (m *messages) line() ([]byte, error) {
	var line []byte
	for {
		part, err := m.r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) >= mostFrame {
			m.tooLarge.Store(true)
			return nil, errTooLarge
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return textx.TrimBOM(line), err
		}
	}
}

// pass passes over a line.
func (m *messages) pass(line []byte) {
	m.passed += len(line)
	if noise := m.noise; noise != nil {
		m.noise = nil
		m.notMCP.Store(true) // until a message comes
		noise(string(line))
	}
}

// Close closes the output.
func (m *messages) Close() error { return m.out.Close() }

// isMessage reports whether a line is a message of JSON-RPC, or several of them.
// A log may be JSON as well.
func isMessage(line []byte) bool {
	type message struct {
		Version json.RawMessage `json:"jsonrpc"`
	}
	line = bytes.TrimSpace(line)
	switch {
	case bytes.HasPrefix(line, []byte("{")):
		var one message
		return json.Unmarshal(line, &one) == nil && one.Version != nil
	case bytes.HasPrefix(line, []byte("[")):
		var all []message
		return json.Unmarshal(line, &all) == nil && len(all) > 0 && all[0].Version != nil
	}
	return false
}
