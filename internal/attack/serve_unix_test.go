//go:build unix

package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// served is `tandem serve` on a socket of its own.
type served struct {
	*batchProcess
	t      *testing.T
	client *http.Client
}

func serves(t *testing.T, h *home) *served {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	s := &served{batchProcess: &batchProcess{ended: make(chan struct{})}, t: t}
	s.cmd, _, s.errs = h.command(context.WithoutCancel(t.Context()), program, "serve", "--listen", "unix:"+socket)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	s.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		for {
			c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err == nil {
				return c, nil
			}
			select {
			case <-s.ended:
				return nil, err
			case <-time.After(time.Millisecond):
			}
		}
	}}}
	return s
}

func (s *served) kill() {
	_ = s.cmd.Process.Kill()
	s.wait()
}

// ask sends a request. ok is false where the server was killed meanwhile.
func (s *served) ask(method, path, kind, body string, out any) (ok bool) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer none")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return false
	}
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, data)
	}
	if text, is := out.(*string); is {
		*text = string(data)
		return true
	}
	if err := json.Unmarshal(data, out); err != nil {
		s.t.Fatalf("%s %s: %v: %s", method, path, err, data)
	}
	return true
}

// servedBatch is a batch as `tandem serve` tells it.
type servedBatch struct {
	ID, Status string
	Output     string `json:"output_file_id"`
	Errors     string `json:"error_file_id"`
}

// batch makes a batch of requests.
func (s *served) batch(lines string) (b servedBatch) {
	s.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("purpose", "batch")
	part, _ := w.CreateFormFile("file", "in.jsonl")
	_, _ = io.WriteString(part, lines)
	_ = w.Close()
	var file struct{ ID string }
	s.ask("POST", "/v1/files", w.FormDataContentType(), form.String(), &file)
	s.ask("POST", "/v1/batches", "application/json", `{"input_file_id":"`+file.ID+`","endpoint":"/v1/chat/completions","completion_window":"24h"}`, &b)
	return b
}

// TestTheCommandsTellServedBatches has `tandem batch` tell what became of batches that came
// over HTTP, by the IDs that clients have.
func TestTheCommandsTellServedBatches(t *testing.T) {
	server := newRowServer(t)
	release := make(chan struct{})
	server.called = func(*http.Request, int, int) { <-release }
	h := newHome(t, server.config())
	s := serves(t, h)
	const line = `{"custom_id":"r","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"x"}]}}` + "\n"
	until := func(b servedBatch, status string) {
		t.Helper()
		for s.ask("GET", "/v1/batches/"+b.ID, "", "", &b); b.Status != status; s.ask("GET", "/v1/batches/"+b.ID, "", "", &b) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	told := func(id, want string) {
		t.Helper()
		var got struct{ ID, State string }
		o := h.run(t, "batch", "status", id, "--json")
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || got.State != want || id != "last" && "batch_"+got.ID != id {
			t.Errorf("%s: %v, %q, want %s; %s", id, err, got.State, want, o.stderr)
		}
		if o := h.run(t, "batch", "status", id); o.code != 0 || !strings.Contains(o.stdout, want) {
			t.Errorf("%s: exit code %d, %s%s", id, o.code, o.stdout, o.stderr)
		}
	}
	wrong := s.batch(line + line)
	until(wrong, "failed")
	told(wrong.ID, "failed")
	cancelled := s.batch(line)
	until(cancelled, "in_progress")
	told(cancelled.ID, "running")
	s.ask("POST", "/v1/batches/"+cancelled.ID+"/cancel", "", "", &cancelled)
	close(release)
	until(cancelled, "cancelled")
	told(cancelled.ID, "cancelled")
	whole := s.batch(line)
	until(whole, "completed")
	told(whole.ID, "finished")
	told("last", "finished")
	list := h.run(t, "batch", "list").stdout
	for _, want := range []string{"failed", "cancelled", "finished"} {
		if !strings.Contains(list, want) {
			t.Errorf("%s", list)
		}
	}
	if o := h.run(t, "batch", "cancel", wrong.ID); o.code != 2 || !strings.Contains(o.stderr, "has finished") {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
}

// TestAKilledServerLosesNothing kills `tandem serve` with SIGKILL at random moments of a
// batch, which goes on by itself with the next start: no request is lost or doubled, the
// order is kept, and no more calls are repeated than were under way.
func TestAKilledServerLosesNothing(t *testing.T) {
	const rows = 300
	r := random(t)
	server := newRowServer(t)
	h := newHome(t, server.config())
	s := serves(t, h)
	kills, batches := 0, 0
	for kills < tries(12, 200) {
		batches++
		before := server.total()
		var lines bytes.Buffer
		for i := range rows {
			fmt.Fprintf(&lines, `{"custom_id":"r%d","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"b%d %d"}]}}`+"\n", i, batches, i)
		}
		b := s.batch(lines.String())
		at := 0
		for b.Status != "completed" {
			end := time.After(time.Duration(r.IntN(250)) * time.Millisecond)
			for over := false; !over && b.Status != "completed"; {
				select {
				case <-end:
					over = true
				case <-time.After(5 * time.Millisecond):
					over = !s.ask("GET", "/v1/batches/"+b.ID, "", "", &b)
				}
			}
			if b.Status != "completed" {
				s.kill()
				kills++
				at++
				s = serves(t, h)
			}
			if b.Status == "failed" || at > 300 {
				t.Fatalf("the batch is %+v after %d kills", b, at)
			}
		}
		var answers string
		s.ask("GET", "/v1/files/"+b.Output+"/content", "", "", &answers)
		got := strings.Split(strings.TrimSpace(answers), "\n")
		for i, line := range got {
			if !strings.Contains(line, fmt.Sprintf(`"custom_id":"r%d"`, i)) || !strings.Contains(line, fmt.Sprintf(`"content":"re b%d %d"`, batches, i)) {
				t.Fatalf("line %d is %s", i+1, line)
			}
		}
		again := server.total() - before - rows
		if len(got) != rows || b.Errors != "" || again > at*2*64 {
			t.Errorf("%d of %d answers, %d calls repeated after %d kills, errors %q", len(got), rows, again, at, b.Errors)
		}
	}
	t.Logf("%d kills of %d batches", kills, batches)
}
