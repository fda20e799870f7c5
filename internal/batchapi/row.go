package batchapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// request is what a row asks.
type request struct {
	endpoint string // such as /v1/chat/completions
	model    string
	body     json.RawMessage
	texts    int     // to embed; 1: it is a chat
	usd      float64 // the most that it can cost; 0: not known
}

// errAsked ends the run of a row whose request is known.
var errAsked = errors.New("the request is known")

// ask is what a row's run would send. Where it sends nothing, there is none, and reply
// is what came of it.
func (w *worker) ask(ctx context.Context, item batch.Item) (r *request, reply batch.Reply) {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var usd float64
	if w.Quoted != nil {
		running = w.Quoted(running, &usd)
	}
	var wrong error
	reply = w.Ask(httpx.WithCarrier(running, func(req *http.Request) (*http.Response, error) {
		if r == nil && wrong == nil {
			r, wrong = requestOf(req)
		}
		stop(errAsked)
		return nil, context.Cause(running)
	}), item)
	switch {
	case wrong != nil:
		reply.Err = wrong
		return nil, w.explain(ctx, item, wrong)
	case r != nil:
		r.usd = usd
	}
	return r, reply
}

// requestOf reads a request as it would be sent.
func requestOf(req *http.Request) (*request, error) {
	r := &request{}
	for _, path := range []string{"/chat/completions", "/embeddings"} {
		if strings.HasSuffix(req.URL.Path, path) && req.Body != nil {
			r.endpoint = "/v1" + path
		}
	}
	if r.endpoint == "" {
		return nil, &provider.Error{Kind: provider.Unsupported, Err: errors.New("a Batch API takes no requests to " + req.URL.Path)}
	}
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return nil, err
	}
	r.body = line.Bytes()
	var named struct {
		Model string            `json:"model"`
		Input []json.RawMessage `json:"input"`
	}
	err = json.Unmarshal(r.body, &named)
	r.model, r.texts = named.Model, max(1, len(named.Input))
	return r, err
}

// line is a request's line in a part.
func (r *request) line(row int) ([]byte, error) {
	line, err := json.Marshal(struct {
		ID     string          `json:"custom_id"`
		Method string          `json:"method"`
		URL    string          `json:"url"`
		Body   json.RawMessage `json:"body"`
	}{rowPrefix + strconv.Itoa(row), http.MethodPost, r.endpoint, r.body})
	return append(line, '\n'), err
}

const rowPrefix = "row-"

// rowOf is the row of a line.
func rowOf(id string) (row int, ok bool) {
	text, ok := strings.CutPrefix(id, rowPrefix)
	row, err := strconv.Atoi(text)
	return row, ok && err == nil && row > 0
}

// answer is what the provider has for a row: a reply, or why there is none.
type answer struct {
	status int
	id     string // of the request
	body   []byte
	err    error
	lost   bool // it was made, and what it cost is not known
}

// outcome is what comes of a row with its answer.
func (w *worker) outcome(ctx context.Context, p *batch.Part, item batch.Item, a answer) batch.Outcome {
	given := false
	reply := w.Answer(httpx.WithCarrier(ctx, func(req *http.Request) (*http.Response, error) {
		switch {
		case given:
			return nil, &provider.Error{Kind: provider.Unsupported, Final: true, Err: errors.New("a Batch API answers a row once, and this row would have to be asked again")}
		case a.err != nil:
			given = true
			return nil, a.err
		}
		given = true
		return &http.Response{
			StatusCode: a.status, Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {a.id}},
			Body:   io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
		}, nil
	}), item)
	out := batch.Outcome{Item: item, Reply: reply, Took: time.Since(p.Created)}
	if reply.Err != nil {
		out.Fate = batch.Failed
	}
	if a.lost {
		out.Tally.Unpriced++
	}
	return out
}

// explain is the reply of a row that fails for a reason of the Batch API's.
func (w *worker) explain(ctx context.Context, item batch.Item, why error) batch.Reply {
	out := w.outcome(ctx, &batch.Part{Created: time.Now()}, item, answer{err: why})
	return out.Reply
}
