// Package testbatch is a server with a Batch API for tests, which misbehaves as real
// ones do.
package testbatch

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server is a server with a Batch API.
type Server struct {
	*httptest.Server

	mu     sync.Mutex
	manner Manner
	files  map[string]*file
	order  []string
	added  int    // files, so far
	texts  []byte // of all uploads
	jobs   []*job
	calls  []string
	asked  map[string]int // how often each row was accepted in a batch, by its prompt
	auth   map[string]bool
}

type file struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Name    string `json:"filename"`
	Bytes   int    `json:"bytes"`
	Purpose string `json:"purpose"`
	Created int    `json:"created_at"`
	data    []byte
}

type job struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Endpoint string            `json:"endpoint"`
	Input    string            `json:"input_file_id"`
	Window   string            `json:"completion_window"`
	Status   string            `json:"status"`
	Output   *string           `json:"output_file_id"`
	Errors   *string           `json:"error_file_id"`
	Created  int               `json:"created_at"`
	Counts   counts            `json:"request_counts"`
	Metadata map[string]string `json:"metadata"`
	Problems *problems         `json:"errors"`
}

type counts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

type problems struct {
	Object string    `json:"object"`
	Data   []Problem `json:"data"`
}

// New starts a server, which the caller closes.
func New(m Manner) *Server {
	s := &Server{manner: m, files: map[string]*file{}, asked: map[string]int{}, auth: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Behave changes how the server behaves from now on.
func (s *Server) Behave(m Manner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manner = m
}

// Calls are the calls so far, such as "POST /v1/batches".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count is how many calls of that beginning there were.
func (s *Server) Count(call string) (n int) {
	for _, c := range s.Calls() {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// Asked is how often each row was accepted in a batch, and not cancelled before it ran, by
// its prompt.
func (s *Server) Asked() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.asked)
}

// Keys are the keys that calls were made with.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.auth))
}

// Uploaded are the requests of all uploads together.
func (s *Server) Uploaded() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.texts)
}

// Files is how many files there are.
func (s *Server) Files() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}

// Cancel cancels all batches, as somebody does at the provider's page.
func (s *Server) Cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		s.stop(j)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1")
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	s.auth[r.Header.Get("Authorization")] = true
	switch id := strings.Split(strings.Trim(path, "/"), "/"); {
	case s.manner.None:
		fail(w, http.StatusNotFound, "Not Found")
	case s.manner.Limited > 0:
		s.manner.Limited--
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests, "Rate limit reached")
	case path == "/files" && r.Method == http.MethodPost:
		s.upload(w, r)
	case path == "/files":
		s.list(w, r)
	case path == "/batches" && r.Method == http.MethodPost:
		s.create(w, r)
	case path == "/batches":
		s.listJobs(w, r)
	case id[0] == "batches" && len(id) > 1 && s.job(id[1]) == nil:
		fail(w, http.StatusNotFound, "No batch found with id '"+id[1]+"'.")
	case id[0] == "batches" && len(id) == 2:
		s.poll(w, id[1])
	case id[0] == "batches" && len(id) == 3 && id[2] == "cancel":
		j := s.job(id[1])
		s.stop(j)
		reply(w, j)
	case id[0] == "files" && len(id) > 1 && s.files[id[1]] == nil:
		fail(w, http.StatusNotFound, "No such File object: "+id[1])
	case id[0] == "files" && len(id) == 3 && id[2] == "content":
		s.download(w, id[1])
	case id[0] == "files" && len(id) == 2 && r.Method == http.MethodDelete:
		s.remove(w, id[1])
	default:
		fail(w, http.StatusNotFound, "no such path")
	}
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	in, header, err := r.FormFile("file")
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	data, _ := io.ReadAll(in)
	f := s.add(header.Filename, r.FormValue("purpose"), data)
	if f.Purpose == "batch" {
		s.texts = append(s.texts, data...)
	}
	if s.manner.LoseUpload > 0 {
		s.manner.LoseUpload--
		panic(http.ErrAbortHandler)
	}
	reply(w, f)
}

func (s *Server) remove(w http.ResponseWriter, id string) {
	if s.manner.Keeps {
		fail(w, http.StatusForbidden, "this key may not delete files")
		return
	}
	delete(s.files, id)
	s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == id })
	reply(w, map[string]any{"id": id, "object": "file", "deleted": true})
}

func (s *Server) add(name, purpose string, data []byte) *file {
	s.added++
	f := &file{ID: fmt.Sprintf("file-%d", s.added), Object: "file", Name: name, Bytes: len(data), Purpose: purpose, Created: 1_700_000_000, data: data}
	s.files[f.ID] = f
	s.order = append(s.order, f.ID)
	return f
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	list := []*file{}
	if r.URL.Query().Get("after") == "" {
		for _, id := range slices.Backward(s.order) {
			if want := r.URL.Query().Get("purpose"); want == "" || s.files[id].Purpose == want {
				list = append(list, s.files[id])
			}
		}
	}
	reply(w, map[string]any{"object": "list", "data": list, "has_more": false})
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	j := &job{ID: fmt.Sprintf("batch_%d", len(s.jobs)+1), Object: "batch", Status: "validating", Created: 1_700_000_000}
	if err := json.NewDecoder(r.Body).Decode(j); err != nil || s.files[j.Input] == nil {
		fail(w, http.StatusBadRequest, "no such file")
		return
	}
	if s.manner.Nameless {
		j.Metadata = nil
	}
	s.jobs = append(s.jobs, j)
	lines := s.lines(j)
	j.Counts.Total = len(lines)
	refused := slices.Clone(s.manner.Refused)
	for i, l := range lines {
		if s.manner.RefuseRow != "" && strings.Contains(l.prompt(), s.manner.RefuseRow) {
			refused = append(refused, Problem{"invalid_request", "this row is not taken", &[]int{i + 1}[0]})
		}
	}
	if n := s.manner.TokenLimit; n > 0 && len(lines) > n {
		refused = append(refused, Problem{Code: "token_limit_exceeded", Message: "Enqueued token limit reached"})
	}
	if len(refused) > 0 {
		j.Status, j.Problems = "failed", &problems{"list", refused}
	} else {
		for _, l := range lines {
			s.asked[l.prompt()]++
		}
	}
	switch {
	case s.manner.LoseCreate > 0:
		s.manner.LoseCreate--
		panic(http.ErrAbortHandler)
	case s.manner.Garbled > 0:
		s.manner.Garbled--
		_, _ = io.WriteString(w, "<html>ok</html>")
	default:
		reply(w, j)
	}
}

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) {
	all := slices.Clone(s.jobs)
	slices.Reverse(all)
	if after := r.URL.Query().Get("after"); after != "" {
		all = all[slices.IndexFunc(all, func(j *job) bool { return j.ID == after })+1:]
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	n = min(n, len(all), 2) // a small page
	reply(w, map[string]any{"object": "list", "data": append([]*job{}, all[:n]...), "has_more": n < len(all)})
}

func (s *Server) job(id string) *job {
	for _, j := range s.jobs {
		if j.ID == id {
			return j
		}
	}
	return nil
}

func (s *Server) stop(j *job) {
	switch j.Status {
	case "validating", "in_progress":
		s.finish(j, "cancelled", j.Counts.Total/2)
	}
}

func (s *Server) poll(w http.ResponseWriter, id string) {
	j := s.job(id)
	if len(s.manner.Polls) > 0 {
		status := s.manner.Polls[0]
		s.manner.Polls = s.manner.Polls[1:]
		if status != 0 {
			fail(w, status, "The server had an error")
			return
		}
		if j.Status == "validating" {
			j.Status = "in_progress"
		}
		reply(w, j)
		return
	}
	if j.Status == "validating" || j.Status == "in_progress" {
		if s.manner.Unready > 0 {
			s.manner.Unready--
			early := *j
			early.Status, early.Counts.Completed = "completed", j.Counts.Total
			reply(w, early)
			return
		}
		if left := s.manner.Expired; left > 0 {
			s.finish(j, "expired", j.Counts.Total-left)
		} else {
			s.finish(j, "completed", j.Counts.Total)
		}
	}
	reply(w, j)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // to memory
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	reply(w, map[string]any{"error": map[string]any{"message": message}})
}
