package batches

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
)

// fileObject is a file as OpenAI tells it.
type fileObject struct {
	ID        string  `json:"id"`
	Object    string  `json:"object"`
	Bytes     int64   `json:"bytes"`
	CreatedAt int64   `json:"created_at"`
	ExpiresAt int64   `json:"expires_at"`
	Filename  string  `json:"filename"`
	Purpose   string  `json:"purpose"`
	Status    string  `json:"status"`
	Details   *string `json:"status_details"`
}

func (f *file) object() fileObject {
	return fileObject{ID: f.ID, Object: "file", Bytes: f.Bytes, CreatedAt: f.Created, ExpiresAt: f.Expires, Filename: f.Name, Purpose: f.Purpose, Status: "processed"}
}

// list is a page of a list.
type list[T any] struct {
	Object  string  `json:"object"`
	Data    []T     `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

func listOf[T any](data []T, id func(*T) string, more bool) list[T] {
	l := list[T]{Object: "list", Data: data, HasMore: more}
	if n := len(data); n > 0 {
		first, last := id(&data[0]), id(&data[n-1])
		l.FirstID, l.LastID = &first, &last
	} else {
		l.Data = []T{}
	}
	return l
}

// limitOf is the limit in a query.
func limitOf(q url.Values, usual, most int) (int, error) {
	if !q.Has("limit") {
		return usual, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, exchange.Refuse("limit", "limit: it has to be a whole number from 1 to "+strconv.Itoa(most))
	}
	return n, nil
}

// mostFiles is how many files a page of their list may have.
const mostFiles = 10000

func (s *Service) listFiles(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := limitOf(q, mostFiles, mostFiles)
	var all []file
	if err == nil {
		all, err = s.files.list(s.caller(r), q.Get("purpose"))
	}
	switch order := q.Get("order"); {
	case err != nil:
	case order == "asc":
		slices.Reverse(all)
	case order != "" && order != "desc":
		err = exchange.Refuse("order", "order: it has to be asc or desc")
	}
	if after := q.Get("after"); err == nil && after != "" {
		i := slices.IndexFunc(all, func(f file) bool { return f.ID == after })
		if i < 0 {
			err = noFile("after", after)
		}
		all = all[i+1:]
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	more := len(all) > limit
	out := make([]fileObject, 0, min(limit, len(all)))
	for i := range all[:min(limit, len(all))] {
		out = append(out, all[i].object())
	}
	exchange.WriteJSON(w, http.StatusOK, listOf(out, func(f *fileObject) string { return f.ID }, more))
}

// noFile is that there is no such file, of the caller's.
func noFile(param, id string) *exchange.Failure {
	return &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Param: param, Message: "there is no file " + exchange.Brief(id) + " here; it may have been deleted, or its time is over"}
}

// find is the file that a request's path names.
func (s *Service) find(r *http.Request) (file, error) {
	id := r.PathValue("id")
	f, err := s.files.get(s.caller(r), id)
	if errors.Is(err, fs.ErrNotExist) {
		err = noFile("file_id", id)
	}
	return f, err
}

func (s *Service) getFile(w http.ResponseWriter, r *http.Request) {
	f, err := s.find(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, f.object())
}

func (s *Service) deleteFile(w http.ResponseWriter, r *http.Request) {
	f, err := s.find(r)
	if err == nil {
		err = s.files.remove(f.ID)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, map[string]any{"id": f.ID, "object": "file", "deleted": true})
}

// content sends a file as it is. No browser takes it for a page.
func (s *Service) content(w http.ResponseWriter, r *http.Request) {
	f, err := s.find(r)
	var data *os.File
	if err == nil {
		data, err = s.files.open(f.ID)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	defer data.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	http.ServeContent(w, r, "", time.Unix(f.Created, 0), data)
}

// fail writes an error, without what is the server's own.
func (s *Service) fail(w http.ResponseWriter, err error) {
	f := (*exchange.Failure)(nil)
	if !errors.As(err, &f) {
		f = exchange.FailureOf(err)
		if f.Status == http.StatusInternalServerError {
			s.warn("batches: " + err.Error())
			f = &exchange.Failure{Status: f.Status, Code: f.Code, Message: "what is stored cannot be read or written; the server's log says why"}
		}
	}
	openai.Fail(w, f)
}
