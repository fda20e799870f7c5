package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

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
	// All mistakes of all lines are told, in the order of the lines.
	for text, want := range map[string]string{
		"{\n" + good + "[]\n": "1 invalid_json_line, 3 invalid_json_line",
		requestLine("b", "nobody", "x") + "{\n" + good + good: "1 model_not_found, 2 invalid_json_line, 4 duplicate_custom_id",
		// A custom_id comes twice on a line with other mistakes, before it and after it.
		requestLine("b", "nobody", "x") + `{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"ok"}}` + "\n{\n": "1 model_not_found, 2 invalid_request, 2 duplicate_custom_id, 3 invalid_json_line",
		`{"custom_id":"a","method":"GET","url":"/v1/images","body":{}}` + "\n" + good:                                                      "1 invalid_method, 1 invalid_url, 2 duplicate_custom_id",
		// Members that are missing, or not what they should be.
		"{}\n" + good: "1 missing_required_parameter, 1 missing_required_parameter, 1 missing_required_parameter, 1 missing_required_parameter",
		`{"custom_id":7,"method":"PUT","url":"","body":[]}` + "\n":                                                                                  "1 invalid_value, 1 invalid_method, 1 invalid_value",
		`{"custom_id":"a","method":"PUT","url":"/v1/chat/completions","body":{"model":"nobody","messages":[{"role":"user","content":"x"}]}}` + "\n": "1 invalid_method, 1 model_not_found",
		`{"custom_id":"a","method":"PUT","url":"/v1/completions","body":{"model":"nobody","prompt":"x"}}` + "\n":                                    "1 invalid_method, 1 invalid_url, 1 model_not_found",
	} {
		var told []string
		for _, m := range b.until(b.create(text, "").ID, "failed").Mistakes.Data {
			told = append(told, fmt.Sprint(*m.Line, " ", m.Code))
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("%s\ntold %s, want %s", text, got, want)
		}
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
