package testbatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// finish answers the first rows of a batch.
func (s *Server) finish(j *job, status string, rows int) {
	j.Status = status
	var good, bad []string
	for i, l := range s.lines(j) {
		if i >= rows {
			code := map[string]string{"expired": "batch_expired", "cancelled": "batch_cancelled"}[status]
			bad = append(bad, fmt.Sprintf(`{"id":"batch_req_%d","custom_id":%q,"response":null,"error":{"code":%q,"message":"not run"}}`, i, l.ID, code))
			if status == "cancelled" {
				s.asked[l.prompt()]--
			}
			continue
		}
		code, body := l.answer()
		line := fmt.Sprintf(`{"id":"batch_req_%d","custom_id":%q,"response":{"status_code":%d,"request_id":"req_%d","body":%s},"error":null}`, i, l.ID, code, i, body)
		if code == http.StatusOK {
			j.Counts.Completed++
			good = append(good, line)
		} else {
			j.Counts.Failed++
			bad = append(bad, line)
		}
	}
	if n := min(s.manner.Missing, len(good)); n > 0 {
		good = good[n:]
	}
	if s.manner.Shuffled {
		slices.Reverse(good)
	}
	if s.manner.Twice {
		good = append(append(good, good...), `{"id":"x","custom_id":"row-99999","response":{"status_code":200,"body":{}},"error":null}`, `{"id":"x","custom_id":"other","response":null,"error":null}`)
	}
	for _, f := range []struct {
		to    **string
		lines []string
	}{{&j.Output, good}, {&j.Errors, bad}} {
		if len(f.lines) > 0 {
			*f.to = &s.add(j.ID+".jsonl", "batch_output", []byte(strings.Join(f.lines, "\n")+"\n")).ID
		}
	}
}

func (s *Server) download(w http.ResponseWriter, id string) {
	f := s.files[id]
	data := f.data
	w.Header().Set("Content-Type", "application/octet-stream")
	switch m := &s.manner; {
	case m.Gone, m.NoFile > 0:
		m.NoFile--
		fail(w, http.StatusNotFound, "No such File object")
		return
	case m.Cut > 0:
		m.Cut--
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		data = data[:len(data)*2/3]
	case m.CutQuietly > 0:
		m.CutQuietly--
		data = data[:len(data)*2/3]
	case m.Short > 0:
		m.Short--
		data = data[:bytes.LastIndexByte(data[:len(data)-1], '\n')+1]
	}
	_, _ = w.Write(data)
}

// request is a line of an upload.
type request struct {
	ID   string `json:"custom_id"`
	URL  string `json:"url"`
	Body struct {
		Model    string `json:"model"`
		Messages []struct {
			Content string `json:"content"`
		} `json:"messages"`
		Input []string `json:"input"`
	} `json:"body"`
}

func (s *Server) lines(j *job) (all []request) {
	for line := range bytes.Lines(s.files[j.Input].data) {
		var r request
		_ = json.Unmarshal(line, &r) // a line that is none has no id
		all = append(all, r)
	}
	return all
}

func (r *request) prompt() string {
	if n := len(r.Body.Messages); n > 0 {
		return r.Body.Messages[n-1].Content
	}
	return strings.Join(r.Body.Input, "\n")
}

// answer is what a row gets: a text that has FAIL, LIMIT or BOOM in it, an error.
func (r *request) answer() (status int, body string) {
	p := r.prompt()
	switch {
	case strings.Contains(p, "FAIL"):
		return http.StatusBadRequest, `{"error":{"message":"the request is not valid","type":"invalid_request_error"}}`
	case strings.Contains(p, "LIMIT"):
		return http.StatusTooManyRequests, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`
	case strings.Contains(p, "BOOM"):
		return http.StatusInternalServerError, `{"error":{"message":"The server had an error","type":"server_error"}}`
	case r.URL == "/v1/embeddings":
		var vectors []string
		for i, text := range r.Body.Input {
			vectors = append(vectors, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[1,%d]}`, i, len(text)))
		}
		return http.StatusOK, fmt.Sprintf(`{"object":"list","model":%q,"data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%[3]d}}`, r.Body.Model, strings.Join(vectors, ","), 10*len(vectors))
	}
	text, _ := json.Marshal("re " + p)
	return http.StatusOK, fmt.Sprintf(`{"id":"c","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}`, r.Body.Model, text)
}
