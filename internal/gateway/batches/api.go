package batches

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/requests"
)

// Params are the parameters of a batch.
var Params = exchange.Params{
	{Name: "input_file_id", Class: exchange.Honoured, Note: "a file of purpose `batch`"},
	{Name: "endpoint", Class: exchange.Honoured, Note: "that of each of its requests"},
	{Name: "completion_window", Class: exchange.Honoured, Note: "`24h`, or any other time from `1s` to `30d`; requests that have no answer then are in the error file"},
	{Name: "metadata", Class: exchange.Honoured, Note: "16 texts at most; they are given back"},
	{Name: "output_expires_after", Class: exchange.Honoured, Note: "how long the files of answers are kept, at most 30 days"},
}

// What metadata may have, as at OpenAI.
const mostPairs, mostKey, mostValue = 16, 64, 512

// wanted is a request for a batch.
type wanted struct {
	record
	window time.Duration
}

// create makes a batch.
func (s *Service) create(w http.ResponseWriter, r *http.Request) {
	in, err := s.decode(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	id, err := s.start(r.Context(), in)
	var k *known
	if err == nil {
		k, err = s.look(r.Context(), id)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, s.tell(id, k))
}

// decode reads a request for a batch, and checks what needs no look at the file's lines.
func (s *Service) decode(r *http.Request) (in wanted, err error) {
	_, b, err := exchange.ReadBody(r)
	if err != nil {
		return in, err
	}
	o := b.Object()
	in.record = record{Caller: s.caller(r), Headers: limitsOf(r.Header), File: o.Text("input_file_id"), Endpoint: o.Text("endpoint"), Window: o.Text("completion_window")}
	switch {
	case in.File == "":
		o.Missing("input_file_id", "send the id of a file of requests")
	case in.Endpoint == "":
		o.Failf("endpoint", "it is missing; send that of the requests, such as %s", requests.Endpoints()[0])
	case !slices.Contains(requests.Endpoints(), in.Endpoint):
		o.Failf("endpoint", "requests to it cannot be run in a batch; it has to be one of %s", strings.Join(requests.Endpoints(), ", "))
	}
	in.window = windowOf(o, in.Window)
	in.Metadata = metadataOf(o)
	if keep, ok := o.Object("output_expires_after"); ok {
		if keep.Text("anchor") != "created_at" {
			keep.Failf("anchor", "it has to be created_at")
		}
		if n := keep.Int("seconds", int64(leastKeep.Seconds()), int64(keepFiles.Seconds())); n != nil {
			in.KeepFor = *n
		}
	}
	if err := b.Err(); err != nil {
		return in, err
	}
	if _, err := Params.Check(o, exchange.Strict(r)); err != nil {
		return in, err
	}
	f, err := s.files.get(in.Caller, in.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		none := noFile("input_file_id", in.File)
		none.Status = http.StatusBadRequest // 404 would be read as: there is no such API
		return in, none
	case err == nil && f.Purpose != purposeBatch:
		err = exchange.Refuse("input_file_id", "input_file_id: the file's purpose is "+f.Purpose+", and it has to be batch")
	}
	return in, err
}

// limitsOf are the headers that forbid something, for each of the batch's requests.
func limitsOf(h http.Header) map[string][]string {
	out := map[string][]string{}
	for _, name := range []string{"X-Tandem-Use", "X-Tandem-Privacy", "X-Tandem-Cache"} {
		if v := h.Values(name); len(v) > 0 {
			out[name] = v
		}
	}
	return out
}

var windowForm = regexp.MustCompile(`^([1-9][0-9]{0,6})([smhd])$`)

const mostWindow = 30 * 24 * time.Hour

// windowOf is how long the requests may take.
func windowOf(o body.Object, text string) time.Duration {
	m := windowForm.FindStringSubmatch(text)
	switch {
	case text == "":
		o.Missing("completion_window", "send 24h")
		return 0
	case m == nil:
		o.Failf("completion_window", "it has to be a time such as 24h, 90m or 7d")
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // 1 at least
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	if n > int(mostWindow/unit) {
		o.Failf("completion_window", "it has to be 30d at most")
	}
	return time.Duration(n) * unit
}

func metadataOf(o body.Object) map[string]string {
	m, ok := o.Object("metadata")
	if !ok {
		return nil
	}
	out := map[string]string{}
	for _, name := range m.Names() {
		v := m.Text(name)
		if utf8.RuneCountInString(name) > mostKey || utf8.RuneCountInString(v) > mostValue {
			m.Failf(name, "a name may have %d characters, and a value %d", mostKey, mostValue)
		}
		out[name] = v
	}
	if len(out) > mostPairs {
		o.Failf("metadata", "it has %d texts, and the limit is %d", len(out), mostPairs)
	}
	return out
}

// findBatch is the batch that a request's path names, if it is the caller's.
func (s *Service) findBatch(r *http.Request) (string, *known, error) {
	return s.own(r, "batch_id", r.PathValue("id"))
}

func (s *Service) own(r *http.Request, param, name string) (string, *known, error) {
	id, is := strings.TrimPrefix(name, batchPrefix), isID(name, batchPrefix)
	var k *known
	err := fs.ErrNotExist
	if is {
		k, err = s.look(r.Context(), id)
	}
	if err == nil && k.Caller != s.caller(r) {
		err = fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Param: param, Message: "there is no batch " + exchange.Brief(name) + " here"}
	}
	return id, k, err
}

func (s *Service) getBatch(w http.ResponseWriter, r *http.Request) {
	id, k, err := s.findBatch(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, s.tell(id, k))
}

// cancelBatch stops a batch. Its requests that are being answered end as they do.
func (s *Service) cancelBatch(w http.ResponseWriter, r *http.Request) {
	id, k, err := s.findBatch(r)
	if err == nil {
		switch status := k.status(); status {
		case "cancelling", "cancelled":
		case "completed", "failed", "expired", "finalizing":
			err = &exchange.Failure{Status: http.StatusBadRequest, Code: exchange.CodeInvalid, Message: fmt.Sprintf("the batch cannot be cancelled: it is %s", status)} // after 409 clients ask again
		default:
			err = s.stopBatch(r.Context(), id)
			if err == nil {
				k, err = s.look(r.Context(), id)
			}
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, s.tell(id, k))
}

// stopBatch has a batch stopped, whoever runs it.
func (s *Service) stopBatch(ctx context.Context, id string) error {
	if err := batch.Cancel(ctx, s.cfg.Dir, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.live[id]; j != nil {
		j.cancelling = s.now().Unix()
		j.halt(endCancelled)
	}
	return nil
}

// mostBatches is how many batches a page of their list may have.
const mostBatches = 100

func (s *Service) listBatches(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := limitOf(q, 20, mostBatches)
	var ids []string
	if err == nil {
		ids, err = batch.List(s.cfg.Dir)
	}
	if after := q.Get("after"); err == nil && after != "" {
		var last string
		if last, _, err = s.own(r, "after", after); err == nil {
			ids = ids[slices.Index(ids, last)+1:]
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	out, more := []object{}, false
	for _, id := range ids {
		k, err := s.look(r.Context(), id)
		if err != nil || k.Caller != s.caller(r) {
			continue // another's, or one that cannot be read: `tandem batch list` tells
		}
		if more = len(out) == limit; more {
			break
		}
		out = append(out, s.tell(id, k))
	}
	exchange.WriteJSON(w, http.StatusOK, listOf(out, func(o *object) string { return o.ID }, more))
}
