package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/provider"
)

// Version is of the files' format. It grows when an older Tandem could not
// read them rightly.
const Version = 1

// call is one file: what was asked, and what came of it.
type call struct {
	Chunks   []chunk   `json:"chunks,omitempty"`
	Error    *failure  `json:"error,omitempty"`
	Key      string    `json:"key"`
	Recorded time.Time `json:"recorded"`           // when it was asked, UTC, whole seconds
	Redacted int       `json:"redacted,omitempty"` // secrets taken out
	Request  question  `json:"request"`
	Version  int       `json:"version"`
	file     string    // its name
}

// question is what was asked, and who might answer.
type question struct {
	provider.Request
	Targets []provider.Candidate // nil: not known
}

// ask makes the question of req. Its slices are the caller's.
func ask(req *provider.Request, targets func(*provider.Request) []provider.Candidate) question {
	q := question{Request: req.WithoutImageData()}
	if targets != nil {
		q.Targets = targets(req)
	}
	return q
}

func (q *question) key() (string, error) { return canon.Key(&q.Request, q.Targets) }

// MarshalJSON writes what the key is made of.
func (q question) MarshalJSON() ([]byte, error) { return canon.JSON(&q.Request, q.Targets) }

// UnmarshalJSON reads what MarshalJSON writes.
func (q *question) UnmarshalJSON(data []byte) error {
	var with struct{ Targets []provider.Candidate }
	if err := json.Unmarshal(data, &with); err != nil {
		return err
	}
	q.Targets = with.Targets
	return q.Request.UnmarshalJSON(data)
}

// chunk is a provider.Chunk and when it came.
type chunk struct {
	AtMS float64 `json:"at_ms"` // from the call
	provider.Chunk
}

// chunkOf copies c as far as the scrubber or a replay changes it.
func chunkOf(c *provider.Chunk, at time.Duration) chunk {
	return chunk{AtMS: ms(at), Chunk: cloneChunk(c)}
}

func cloneChunk(c *provider.Chunk) provider.Chunk {
	out := *c
	out.ToolCalls = slices.Clone(c.ToolCalls)
	if c.Route != nil {
		rt := *c.Route
		rt.Attempts = slices.Clone(rt.Attempts)
		out.Route = &rt
	}
	return out
}

// failure is the error that ended an answer.
type failure struct {
	AtMS         float64            `json:"at_ms"`
	Attempts     []provider.Attempt `json:"attempts,omitempty"`
	Final        bool               `json:"final,omitempty"`
	Kind         provider.Kind      `json:"kind,omitempty"` // empty: it was no *provider.Error
	Model        string             `json:"model,omitempty"`
	Provider     string             `json:"provider,omitempty"`
	RequestID    string             `json:"request_id,omitempty"`
	RetryAfterNS time.Duration      `json:"retry_after_ns,omitempty"`
	Sent         bool               `json:"sent,omitempty"`
	Status       int                `json:"status,omitempty"`
	Text         string             `json:"text,omitempty"` // of the cause
}

func failureOf(err error, at time.Duration, attempts []provider.Attempt) *failure {
	f := &failure{AtMS: ms(at), Attempts: attempts, Text: err.Error()}
	var e *provider.Error
	if !errors.As(err, &e) {
		return f
	}
	f.Final, f.Kind, f.Model, f.Provider, f.RequestID = e.Final, e.Kind, e.Model, e.Provider, e.RequestID
	f.RetryAfterNS, f.Sent, f.Status, f.Text = e.RetryAfter, e.Sent, e.Status, ""
	if e.Err != nil {
		f.Text = e.Err.Error()
	}
	return f
}

// err is the error as it was, its cause marked as a replay from dir. cause
// makes the cause; nil: errors.New does.
func (f *failure) err(dir string, cause func(string, []provider.Attempt) error) error {
	text := "replayed from " + dir
	if f.Text != "" {
		text += ": " + f.Text
	}
	inner := errors.New(text)
	if cause != nil && len(f.Attempts) > 0 {
		inner = cause(text, f.Attempts)
	}
	if f.Kind == "" {
		return inner
	}
	return &provider.Error{
		Final: f.Final, Kind: f.Kind, Model: f.Model, Provider: f.Provider, RequestID: f.RequestID,
		RetryAfter: f.RetryAfterNS, Sent: f.Sent, Status: f.Status, Err: inner,
	}
}

// ms is d in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func duration(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// name is the file of a key's n-th recording, n from 1.
func name(key string, n int) string { return fmt.Sprintf("%s-%03d.json", key[:16], n) }

// save writes c under the next free number of its key, from n on, and returns
// that number. Others may write to the directory at the same time: a file is
// there whole or not at all.
func save(dir string, c *call, n int) (int, error) {
	data, err := encode(c)
	if err != nil {
		return n, err
	}
	f, err := os.CreateTemp(dir, ".recording-*") // 0600
	if err != nil {
		return n, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone when it was moved
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	for ; ; n++ {
		err := linkFile(f.Name(), filepath.Join(dir, name(c.Key, n)))
		if !errors.Is(err, os.ErrExist) {
			return n, err
		}
	}
}

// linkFile gives a file a name that is free. Where the file system has no links,
// the name is taken first and filled then.
func linkFile(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// encode is c as indented JSON with all keys in order.
func encode(c *call) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(c)
	return b.Bytes(), err
}

// Bounds of what is read: a directory of recordings may come from anywhere.
const (
	maxFile   = 128 << 20 // bytes of a file
	maxValues = 1_000_000 // JSON values in a file
	maxFiles  = 100_000   // files in a directory
)

// checkRegular refuses what only looks like a recording by its name.
func checkRegular(dir string, e os.DirEntry) error {
	if e.Type().IsRegular() {
		return nil
	}
	path := filepath.Join(dir, e.Name())
	info, err := os.Stat(path) // where a link leads
	if err == nil {
		err = files.Regular(path, info.Mode())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is a broken link, not a recording; delete it", path)
	case err != nil:
		return fmt.Errorf("%w and not a recording; delete it", err)
	}
	return nil
}

// load reads a file. Its errors name the file and say what to do.
func load(dir, file string) (*call, error) {
	data, err := files.Read(filepath.Join(dir, file), maxFile)
	if refused := new(files.Error); errors.As(err, &refused) {
		return nil, fmt.Errorf("%w and not a recording; delete it", err)
	}
	if err != nil {
		return nil, err
	}
	if err := checkJSON(data); err != nil {
		return nil, fmt.Errorf("%s is not a recording (%w); delete it and record again", filepath.Join(dir, file), err)
	}
	var head struct{ Version int }
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s is not a recording (%w); delete it and record again", filepath.Join(dir, file), err)
	}
	if head.Version != Version {
		return nil, fmt.Errorf("%s has version %d, and this program reads version %d; record it again", filepath.Join(dir, file), head.Version, Version)
	}
	c := &call{file: file}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%s is not a recording (%w); delete it and record again", filepath.Join(dir, file), err)
	}
	if c.Error == nil && (len(c.Chunks) == 0 || c.Chunks[len(c.Chunks)-1].Finish == "") {
		return nil, fmt.Errorf("%s has no complete answer; delete it and record again", filepath.Join(dir, file))
	}
	return c, nil
}

// checkJSON refuses what would be read as something else, or take much more memory
// than it has bytes.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	values, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			values++
		}
	}
	if values > maxValues {
		return fmt.Errorf("it has more than %d values", maxValues)
	}
	return nil
}

// names lists the recordings of a directory in order; with a key, those of it.
func names(dir, key string) ([]string, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() { // opening a pipe would wait
		return nil, fmt.Errorf("%s is not a directory; name the one that the recordings are in", dir)
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var out []string
	for seen := 0; ; {
		entries, err := d.ReadDir(1000)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if seen += len(entries); seen > maxFiles {
			return nil, fmt.Errorf("there are more than %d files in %s; is it the right directory?", maxFiles, dir)
		}
		for _, e := range entries {
			n := e.Name()
			if !strings.HasSuffix(n, ".json") || strings.HasPrefix(n, ".") || key != "" && !strings.HasPrefix(n, key[:16]+"-") {
				continue
			}
			if err := checkRegular(dir, e); err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	// Past 999 the numbers grow longer, and come after.
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) && key != "" {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return out, nil
}
