package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/stack"
)

// batching is a gateway that runs batches, behind its guard.
type batching struct {
	t   *testing.T
	url string
	dir string // the state directory
	log *said
	*gateway.Server
	close func()
}

// said is what a gateway has said.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text + "\n")
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// batchingAt is a gateway of a stack; folder has its chains, if there is one.
func batchingAt(t *testing.T, s *stack.Stack, callers guard.Keys, folder ...string) *batching {
	t.Helper()
	b := &batching{t: t, dir: s.StateDir(), log: &said{}}
	b.Server = gateway.New(gateway.Config{Stack: s, Keys: callers, Say: b.log.add, Warn: b.log.add, Chains: strings.Join(folder, "")})
	stands, err := guard.New(guard.Config{Keys: callers, Public: gateway.Public, Uploads: gateway.Uploads, Limits: guard.Limits{Upload: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = stands.Server(b.Handler())
	srv.Start()
	b.url = srv.URL
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.close = sync.OnceFunc(func() {
		srv.Close()
		_ = b.Server.Close()
	})
	t.Cleanup(b.close)
	return b
}

// do asks, and decodes the reply into out, if that is not nil.
func (b *batching) do(method, path, body string, out any, header ...string) gatewaytest.Reply {
	b.t.Helper()
	r := gatewaytest.Do(b.t, method, b.url+path, body, append([]string{"Authorization: Bearer sk-a"}, header...)...)
	if out != nil {
		if err := json.Unmarshal([]byte(r.Body), out); err != nil {
			b.t.Fatalf("%s %s: %v: %s", method, path, err, r.Body)
		}
	}
	return r
}

// formOf is a form with a file, and its content type.
func formOf(t *testing.T, purpose, name, text string) (string, string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	_ = w.WriteField("purpose", purpose)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.String(), "Content-Type: " + w.FormDataContentType()
}

type fileJSON struct {
	ID, Object, Filename, Purpose, Status string
	Bytes                                 int64
	CreatedAt                             int64 `json:"created_at"`
	ExpiresAt                             int64 `json:"expires_at"`
}

type batchJSON struct {
	ID, Object, Status, Endpoint string
	Input                        string  `json:"input_file_id"`
	Output                       *string `json:"output_file_id"`
	Errors                       *string `json:"error_file_id"`
	Mistakes                     *struct {
		Data []struct {
			Code    string
			Line    *int
			Message string
			Param   *string
		}
	} `json:"errors"`
	Counts    struct{ Total, Completed, Failed int } `json:"request_counts"`
	Metadata  map[string]string
	ExpiresAt int64  `json:"expires_at"`
	Completed *int64 `json:"completed_at"`
	Expired   *int64 `json:"expired_at"`
	Cancelled *int64 `json:"cancelled_at"`
	Failed    *int64 `json:"failed_at"`
	Tandem    struct {
		Answered map[string]int `json:"answered_by"`
		Waits    int            `json:"interactive_waits"`
		Waited   time.Duration  `json:"interactive_wait_ns"`
		Waiting  string
	}
}

func (b *batching) upload(text string, header ...string) fileJSON {
	b.t.Helper()
	form, kind := formOf(b.t, "batch", "requests.jsonl", text)
	var f fileJSON
	if r := b.do("POST", "/v1/files", form, &f, append([]string{kind}, header...)...); r.Status != http.StatusOK {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return f
}

func (b *batching) create(text, more string, header ...string) batchJSON {
	b.t.Helper()
	var out batchJSON
	body := fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"%s}`, b.upload(text, header...).ID, more)
	if r := b.do("POST", "/v1/batches", body, &out, header...); r.Status != http.StatusOK || out.Object != "batch" {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return out
}

// until waits until a batch is in one of these states.
func (b *batching) until(id string, states ...string) batchJSON {
	b.t.Helper()
	for {
		var out batchJSON
		b.do("GET", "/v1/batches/"+id, "", &out)
		for _, s := range states {
			if out.Status == s {
				return out
			}
		}
		switch out.Status {
		case "completed", "failed", "expired", "cancelled", "":
			b.t.Fatalf("the batch is %q, not %v: %+v, %+v; %s", out.Status, states, out, out.Mistakes, b.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// lines are those of a file of answers, by custom_id, each once.
func (b *batching) lines(id *string) (order []string, byID map[string]string) {
	b.t.Helper()
	byID = map[string]string{}
	if id == nil {
		return nil, byID
	}
	r := b.do("GET", "/v1/files/"+*id+"/content", "", nil)
	if r.Status != http.StatusOK {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	for _, line := range gatewaytest.Lines(r.Body) {
		var l struct {
			ID string `json:"custom_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || byID[l.ID] != "" {
			b.t.Fatalf("%v: %s comes twice: %s", err, l.ID, line)
		}
		order = append(order, l.ID)
		byID[l.ID] = line
	}
	return order, byID
}

// requestLine is a line of a file of requests.
func requestLine(id, model, prompt string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":{"model":%q,"messages":[{"role":"user","content":%q}]}}`, id, model, prompt) + "\n"
}

// A batch answers each of its requests once, in order, and tells those that failed apart.
func TestBatch(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	text := ""
	for i := range 20 {
		text += requestLine(fmt.Sprint("r", i), "echo", fmt.Sprint("prompt ", i))
	}
	text += requestLine("bad", "invalid", "x") + requestLine("default", "tandem", "x")
	f := b.upload(text)
	if f.Object != "file" || f.Purpose != "batch" || f.Filename != "requests.jsonl" || f.Bytes != int64(len(text)) || f.Status != "processed" || f.ExpiresAt <= f.CreatedAt {
		t.Errorf("%+v", f)
	}
	made := b.create(text, `,"metadata":{"run":"first"}`)
	got := b.until(made.ID, "completed")
	if got.Counts.Total != 22 || got.Counts.Completed != 21 || got.Counts.Failed != 1 || got.Metadata["run"] != "first" || got.Completed == nil || got.Tandem.Answered["house"] != 21 {
		t.Errorf("%+v", got)
	}
	order, answers := b.lines(got.Output)
	for i := range 20 {
		id := fmt.Sprint("r", i)
		if order[i] != id || !strings.Contains(answers[id], fmt.Sprintf(`"content":"prompt %d"`, i)) || !strings.Contains(answers[id], `"status_code":200`) || !strings.Contains(answers[id], `"provider":"house"`) {
			t.Errorf("%d is %s: %s", i, order[i], answers[id])
		}
	}
	if !strings.Contains(answers["default"], `"model":"ok"`) {
		t.Errorf("%s", answers["default"])
	}
	if _, failed := b.lines(got.Errors); len(failed) != 1 || !strings.Contains(failed["bad"], `"status_code":400`) || !strings.Contains(failed["bad"], `"code":"invalid"`) {
		t.Errorf("%v", failed)
	}
	if n := e.Chats("echo"); n != 20 {
		t.Errorf("asked %d times", n)
	}
	if r := b.do("POST", "/v1/batches/"+made.ID+"/cancel", "", nil); r.Status != http.StatusBadRequest || !strings.Contains(r.Body, "it is completed") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	var out fileJSON
	if b.do("GET", "/v1/files/"+*got.Output, "", &out); out.Purpose != "batch_output" || out.Bytes == 0 {
		t.Errorf("%+v", out)
	}
	if r := b.do("DELETE", "/v1/files/"+*got.Output, "", nil); !strings.Contains(r.Body, `"deleted":true`) {
		t.Errorf("%s", r.Body)
	}
	if r := b.do("GET", "/v1/files/"+*got.Output+"/content", "", nil); r.Status != http.StatusNotFound {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Vectors are made as for a call, and stay on this machine where a call's would.
func TestBatchOfEmbeddings(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Open(t, "use: [away]\nretries: 0\nproviders:\n- {name: away, kind: openai, base_url: '"+e.URL+"/v1', model: ok}\n"), nil)
	text := `{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"ok","input":["a","four"]}}` + "\n" +
		`{"custom_id":"b","method":"POST","url":"/v1/embeddings","body":{"model":"ok","input":"four","encoding_format":"base64"}}` + "\n"
	create := func(header ...string) batchJSON {
		var made batchJSON
		b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/embeddings","completion_window":"24h"}`, b.upload(text).ID), &made, header...)
		return b.until(made.ID, "completed")
	}
	_, answers := b.lines(create().Output)
	if !strings.Contains(answers["a"], `"embedding":[1,0.5,-0.25]`) || !strings.Contains(answers["a"], `"embedding":[4,0.5,-0.25],"index":1`) || !strings.Contains(answers["b"], `"embedding":"AACAQAAAAD8AAIC+"`) {
		t.Errorf("%v", answers)
	}
	n := len(e.Requests("/v1/embeddings"))
	private := create("X-Tandem-Privacy: local")
	if _, failed := b.lines(private.Errors); len(failed) != 2 || !strings.Contains(failed["a"], `"code":"private"`) {
		t.Errorf("%v", failed)
	}
	if asked := len(e.Requests("/v1/embeddings")); asked != n {
		t.Errorf("%d texts left", asked-n)
	}
}

// A batch whose requests are wrong fails with their lines, and none of it is asked.
func TestBatchMistakes(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	good := requestLine("a", "ok", "x")
	for name, c := range map[string]struct {
		text, code, message string
		line                int
	}{
		"not JSON":         {good + "{\n", "invalid_json_line", "not one JSON value", 2},
		"a list":           {"[]\n", "invalid_json_line", "has to be a JSON object", 1},
		"no custom_id":     {`{"method":"POST","url":"/v1/chat/completions","body":{}}`, "missing_required_parameter", "no custom_id", 1},
		"no body":          {`{"custom_id":"a","method":"POST","url":"/v1/chat/completions"}`, "missing_required_parameter", "no body", 1},
		"GET":              {strings.Replace(good, "POST", "GET", 1), "invalid_method", "has to be POST", 1},
		"another path":     {strings.Replace(good, "/v1/chat/completions", "/v1/images", 1), "invalid_url", "cannot be run in a batch", 1},
		"another endpoint": {good + `{"custom_id":"b","method":"POST","url":"/v1/completions","body":{"model":"ok","prompt":"x"}}`, "invalid_url", "the batch's endpoint", 2},
		"twice":            {good + requestLine("b", "ok", "x") + good, "duplicate_custom_id", "that of line 1", 3},
		"no messages":      {`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"ok","messages":[]}}`, "invalid_request", "messages", 1},
		"a stream":         {`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"ok","stream":true,"messages":[{"role":"user","content":"x"}]}}`, "invalid_request", "stream", 1},
		"nobody's model":   {good + "\n" + requestLine("b", "nobody", "x"), "model_not_found", "nobody", 3},
		"not UTF-8":        {good + "{\"custom_id\":\"\xff\"}\n", "invalid_json_line", "UTF-8", 2},
		"nothing":          {"\n\n", "empty_file", "holds no requests", 0},
		"an unknown chain": {requestLine("a", "chain:none", "x"), "model_not_found", "none", 1},
	} {
		got := b.until(b.create(c.text, "").ID, "failed")
		if got.Mistakes == nil || got.Failed == nil || got.Output != nil || got.Counts.Total != 0 {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		m := got.Mistakes.Data[0]
		line := 0
		if m.Line != nil {
			line = *m.Line
		}
		if m.Code != c.code || line != c.line || !strings.Contains(m.Message, c.message) {
			t.Errorf("%s: %+v, line %d", name, m, line)
		}
	}
	many := ""
	for i := range 1001 {
		many += requestLine(fmt.Sprint(i), fmt.Sprint("m", i), "x")
	}
	if got := b.until(b.create(many, "").ID, "failed"); len(got.Mistakes.Data) != 1 || *got.Mistakes.Data[0].Line != 1001 || !strings.Contains(got.Mistakes.Data[0].Message, "more than 1000 models") {
		t.Errorf("%+v", got.Mistakes.Data)
	}
	several := b.until(b.create("{\n"+good+"[]\n", "").ID, "failed")
	if n := len(several.Mistakes.Data); n != 2 {
		t.Errorf("%d mistakes are told", n)
	}
	// A model that nobody has is told beside what else is wrong, in the order of the lines.
	several = b.until(b.create(requestLine("b", "nobody", "x")+"{\n"+good+good, "").ID, "failed")
	codes := ""
	for _, m := range several.Mistakes.Data {
		codes += m.Code + " "
	}
	if codes != "model_not_found invalid_json_line duplicate_custom_id " {
		t.Errorf("mistakes %s", codes)
	}
	if n := len(e.Requests("/v1/chat/completions")); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// What is wrong with a request for a batch or a file is told at once, with the parameter.
func TestBatchRefused(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	id := b.upload(requestLine("a", "ok", "x")).ID
	of := func(file, more string) string { return fmt.Sprintf(`{"input_file_id":%q%s}`, file, more) }
	usual := `,"endpoint":"/v1/chat/completions","completion_window":"24h"`
	for body, want := range map[string]string{
		`{}`:                      "input_file_id: it is missing",
		`[]`:                      "has to be an object",
		of("file-none", usual):    "there is no file",
		of("../../etc", usual):    "there is no file",
		of("file-../../x", usual): "there is no file",
		of(id, ""):                "endpoint: it is missing",
		of(id, `,"endpoint":"/v1/images","completion_window":"24h"`):                "endpoint: requests to it cannot be run",
		of(id, `,"endpoint":"/v1/chat/completions"`):                                "completion_window: it is missing",
		of(id, `,"endpoint":"/v1/chat/completions","completion_window":"soon"`):     "completion_window: it has to be a time",
		of(id, `,"endpoint":"/v1/chat/completions","completion_window":"31d"`):      "30d at most",
		of(id, `,"endpoint":"/v1/chat/completions","completion_window":"213504d"`):  "30d at most",
		of(id, usual+`,"metadata":{"a":1}`):                                         "metadata.a: it has to be a string",
		of(id, usual+`,"metadata":{"a":"`+strings.Repeat("x", 513)+`"}`):            "a value 512",
		of(id, usual+`,"output_expires_after":{"anchor":"now","seconds":3600}`):     "output_expires_after.anchor",
		of(id, usual+`,"output_expires_after":{"anchor":"created_at","seconds":1}`): "output_expires_after.seconds",
	} {
		if r := b.do("POST", "/v1/batches", body, nil); r.Status != http.StatusBadRequest || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	form, kind := formOf(t, "fine-tune", "x", "y")
	noFile, noKind := formOf(t, "batch", "x", "")
	for _, c := range []struct{ form, kind, want string }{
		{form, kind, "purpose: it has to be batch"},
		{noFile, noKind, "file: it is empty"},
		{form[:len(form)/2], kind, "the form cannot be read"},
		{"{}", "Content-Type: application/json", "has to be a form"},
	} {
		if r := b.do("POST", "/v1/files", c.form, nil, c.kind); r.Status != http.StatusBadRequest || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s: %d %s", c.want, r.Status, r.Body)
		}
	}
	large, largeKind := formOf(t, "batch", "x", strings.Repeat("x", 2<<20))
	if r := b.do("POST", "/v1/files", large, nil, largeKind); r.Status != http.StatusRequestEntityTooLarge || !strings.Contains(r.Body, "larger than 1 MiB") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, path := range []string{"/v1/batches/batch_none", "/v1/batches/x", "/v1/files/file-none", "/v1/files/file-none/content", "/v1/files?after=x", "/v1/batches?after=x"} {
		if r := b.do("GET", path, "", nil); r.Status != http.StatusNotFound || !strings.Contains(r.Body, `"code":"not_found"`) {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	for _, path := range []string{"/v1/batches?limit=0", "/v1/batches?limit=x", "/v1/files?limit=-1", "/v1/files?order=up"} {
		if r := b.do("GET", path, "", nil); r.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}

// Lists come in pages, the newest first.
func TestBatchLists(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	var made []string
	for range 5 {
		made = append([]string{b.create(requestLine("a", "ok", "x"), "").ID}, made...)
	}
	type page struct {
		Object  string
		Data    []struct{ ID string }
		HasMore bool   `json:"has_more"`
		LastID  string `json:"last_id"`
	}
	for _, path := range []string{"/v1/batches", "/v1/files"} {
		var all []string
		query := "?limit=2&purpose=batch"
		for {
			var p page
			b.do("GET", path+query, "", &p)
			for _, d := range p.Data {
				all = append(all, d.ID)
			}
			if p.Object != "list" || len(p.Data) > 2 || p.HasMore != (len(all) < 5) {
				t.Fatalf("%s: %+v", path, p)
			}
			if !p.HasMore {
				break
			}
			query = "?limit=2&purpose=batch&after=" + p.LastID
		}
		if len(all) != 5 || path == "/v1/batches" && strings.Join(all, " ") != strings.Join(made, " ") {
			t.Errorf("%s: %v, made %v", path, all, made)
		}
	}
	for _, id := range made {
		b.until(id, "completed")
	}
}

// A batch that is cancelled keeps what was answered, and names what was not asked.
func TestBatchIsCancelled(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	text := requestLine("first", "hold", "x")
	for i := range 300 {
		text += requestLine(fmt.Sprint("r", i), "hold", "x")
	}
	made := b.create(text, "")
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	var got batchJSON
	if b.do("POST", "/v1/batches/"+made.ID+"/cancel", "", &got); got.Status != "cancelling" {
		t.Errorf("%+v", got)
	}
	if b.do("POST", "/v1/batches/"+made.ID+"/cancel", "", &got); got.Status != "cancelling" {
		t.Errorf("again: %+v", got)
	}
	close(e.Release)
	got = b.until(made.ID, "cancelled")
	_, answers := b.lines(got.Output)
	_, failed := b.lines(got.Errors)
	asked := e.Chats("hold")
	if len(answers) != asked || len(answers)+len(failed) != 301 || got.Counts.Completed != asked || got.Counts.Failed != len(failed) || got.Cancelled == nil {
		t.Errorf("asked %d, answered %d, failed %d: %+v", asked, len(answers), len(failed), got)
	}
	for id, line := range failed {
		if !strings.Contains(line, `"response":null,"error":{"code":"batch_cancelled"`) {
			t.Errorf("%s: %s", id, line)
		}
	}
}

// What has no answer when the window ends is in the error file, and the rest is kept.
func TestBatchExpires(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	text := ""
	for i := range 300 {
		text += requestLine(fmt.Sprint("r", i), "hold", "x")
	}
	f := b.upload(text)
	var made batchJSON
	b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"1s"}`, f.ID), &made)
	for time.Now().Unix() <= made.ExpiresAt {
		time.Sleep(10 * time.Millisecond)
	}
	close(e.Release)
	got := b.until(made.ID, "expired")
	_, answers := b.lines(got.Output)
	_, failed := b.lines(got.Errors)
	if len(answers)+len(failed) != 300 || len(failed) == 0 || got.Expired == nil {
		t.Errorf("answered %d, failed %d: %+v", len(answers), len(failed), got)
	}
	for id, line := range failed {
		if !strings.Contains(line, `"response":null,"error":{"code":"batch_expired"`) {
			t.Errorf("%s: %s", id, line)
		}
	}
}

// Only the key that made them sees files and batches, and a batch may what its key may.
func TestBatchOfAKey(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, fmt.Sprintf("use: [house, away]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: away, kind: openai, base_url: '%[1]s/v1', model: think}\n", e.URL))
	callers := keys{"sk-a": {Name: "a"}, "sk-b": {Name: "b", Use: []string{"house"}}, "sk-c": {Name: "c", Privacy: guard.PrivacyLocal}}
	b := batchingAt(t, s, callers)
	made := b.create(requestLine("x", "away/think", "canary"), "")
	done := b.until(made.ID, "completed")
	for _, key := range []string{"sk-b", "sk-c"} {
		as := "Authorization: Bearer " + key
		for _, c := range []struct{ method, path string }{
			{"GET", "/v1/files/" + made.Input},
			{"GET", "/v1/files/" + *done.Output + "/content"},
			{"DELETE", "/v1/files/" + made.Input},
			{"GET", "/v1/batches/" + made.ID},
			{"POST", "/v1/batches/" + made.ID + "/cancel"},
			{"GET", "/v1/batches?after=" + made.ID},
			{"GET", "/v1/files?after=" + made.Input},
		} {
			if r := b.do(c.method, c.path, "", nil, as); r.Status != http.StatusNotFound {
				t.Errorf("%s: %s %s: %d %s", key, c.method, c.path, r.Status, r.Body)
			}
		}
		for _, path := range []string{"/v1/files", "/v1/batches"} {
			if r := b.do("GET", path, "", nil, as); !strings.Contains(r.Body, `"data":[]`) {
				t.Errorf("%s: %s: %s", key, path, r.Body)
			}
		}
		if r := b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, made.Input), nil, as); r.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", key, r.Status, r.Body)
		}
	}
	asked := e.Chats("think")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// A key that may not use a provider, and one whose prompts stay.
	status := func(key, model string, header ...string) (int, string) {
		header = append([]string{"Authorization: Bearer " + key}, header...)
		made := b.create(requestLine("x", model, "canary"), "", header...)
		for {
			var got batchJSON
			if b.do("GET", "/v1/batches/"+made.ID, "", &got, header...); got.Mistakes != nil || got.Completed != nil {
				return got.Counts.Completed, got.Status
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, c := range []struct {
		key, model string
		header     string
		answered   int
	}{
		{"sk-b", "away/think", "X: y", 0},
		{"sk-c", "away/think", "X: y", 0},
		{"sk-a", "away/think", "X-Tandem-Privacy: local", 0},
		{"sk-a", "away/think", "X-Tandem-Use: house", 0},
		{"sk-b", "house/ok", "X: y", 1},
		{"sk-c", "house/ok", "X: y", 1},
	} {
		if n, state := status(c.key, c.model, c.header); n != c.answered {
			t.Errorf("%+v: %d answered, %s", c, n, state)
		}
	}
	if n := e.Chats("think"); n != asked {
		t.Errorf("%d prompts left", n-asked)
	}
}

// A key that is removed while its batch runs asks nothing more.
func TestBatchOfARemovedKey(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Stack(t, e, "ok")
	b := batchingAt(t, s, keys{"sk-a": {Name: "a"}})
	text := ""
	for i := range 100 {
		text += requestLine(fmt.Sprint("r", i), "hold", "x")
	}
	b.create(text, "")
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	b.close() // what is asked is asked again
	asked := e.Chats("hold")
	close(e.Release)
	again := batchingAt(t, s, keys{"sk-b": {Name: "b"}})
	wait, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !strings.Contains(again.log.String(), "is completed") && wait.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if n := e.Chats("hold"); n != asked {
		t.Errorf("%d were asked after the key was removed; %s", n-asked, again.log)
	}
}

// The dashboard shows a caller's batches while they run, and cancels them.
func TestBatchOnTheDashboard(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), keys{"sk-a": {Name: "a"}, "sk-b": {Name: "b"}, "sk-o": {Name: "o", Operator: true}})
	text := requestLine("first", "ok", "a") // requests are asked in the order of their prompts
	for i := range 100 {
		text += requestLine(fmt.Sprint("r", i), "hold", "canary")
	}
	made := b.create(text, "")
	shown := func(key string) string {
		return b.do("GET", "/ui/api/state", "", nil, "Authorization: Bearer "+key).Body
	}
	for !strings.Contains(shown("sk-a"), `"done":1,`) {
		time.Sleep(5 * time.Millisecond)
	}
	for key, want := range map[string]bool{"sk-a": true, "sk-b": false, "sk-o": true} {
		if text := shown(key); strings.Contains(text, made.ID) != want || strings.Contains(text, "canary") {
			t.Errorf("%s: %s", key, text)
		}
	}
	cancel := "/ui/api/batches/" + made.ID + "/cancel"
	if r := b.do("POST", cancel, "", nil, "Authorization: Bearer sk-b"); r.Status != http.StatusNotFound {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.do("POST", cancel, "", nil, "Authorization: Bearer sk-o"); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	close(e.Release)
	b.until(made.ID, "cancelled")
	if r := b.do("POST", cancel, "", nil); r.Status != http.StatusNotFound {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if text := shown("sk-a"); !strings.Contains(text, `"batches":[]`) {
		t.Errorf("%s", text)
	}
}
