package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak asks; 0: until some thousand questions are answered")
	soakRate = flag.Int("rate", 0, "questions a second that TestSoak asks; 0: as fast as they are answered")
)

// soakAnswer is the answer to a question, in pieces.
func soakAnswer(question int) (pieces []string) {
	for i := range 8 {
		pieces = append(pieces, fmt.Sprintf("piece %d of %d. ", i, question))
	}
	return pieces
}

// flaky is an engine that fails in its own way at every few questions.
func flaky(every int, asked *sync.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/chat/completions" {
			http.NotFound(w, r)
			return
		}
		_, tail, _ := strings.Cut(string(raw), "question ")
		question := 0
		_, _ = fmt.Sscan(tail, &question)
		n, _ := asked.LoadOrStore(question, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		fault := -1
		if question%every == 0 {
			fault = question / every % 9
		}
		fail := func(status int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"message":"as the test says","code":"%d"}}`, status)
		}
		switch fault {
		case 0:
			w.Header().Set("Retry-After", "1")
			fail(http.StatusTooManyRequests)
			return
		case 1:
			fail(http.StatusInternalServerError)
			return
		case 2:
			fmt.Fprint(w, "<html>garbage</html>")
			return
		case 3:
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(data string) {
			fmt.Fprintf(w, "data: %s\n\n", data)
			_ = http.NewResponseController(w).Flush()
		}
		for i, piece := range soakAnswer(question) {
			if i == 4 {
				switch fault {
				case 4:
					panic(http.ErrAbortHandler)
				case 5:
					return // a clean end, and not that of the answer
				case 6:
					send(`{"error":{"message":"as the test says","code":"server_error"}}`)
					return
				case 7:
					send(`{"choices":[{"index":0,"delta":{"content":`)
					return
				case 8: // slow
					time.Sleep(50 * time.Millisecond)
				}
			}
			send(fmt.Sprintf(`{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, piece))
		}
		send(`{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
		send("[DONE]")
	}
}

// soaked is what became of a question: answered, or failed as its API says. Anything
// else is an error.
func soaked(ctx context.Context, url string, question int) (answered bool, err error) {
	stream := question%2 == 0
	body := fmt.Sprintf(`{"stream":%v,"messages":[{"role":"user","content":"question %d "}]}`, stream, question)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	want := strings.Join(soakAnswer(question), "")
	type event struct {
		Choices []struct {
			Message, Delta struct{ Content string }
			FinishReason   string `json:"finish_reason"`
		}
		Error *struct{ Message string }
	}
	var (
		e    event
		text string
	)
	if res.StatusCode != http.StatusOK || !stream {
		if err := json.NewDecoder(res.Body).Decode(&e); err != nil {
			return false, fmt.Errorf("status %d: %w", res.StatusCode, err)
		}
		switch {
		case res.StatusCode != http.StatusOK && e.Error != nil && e.Error.Message != "":
			return false, nil
		case res.StatusCode == http.StatusOK && len(e.Choices) == 1 && e.Choices[0].FinishReason == "stop" && e.Choices[0].Message.Content == want:
			return true, nil
		}
		return false, fmt.Errorf("status %d: %+v", res.StatusCode, e)
	}
	finished, failed, done := false, false, false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
			continue
		case data == "[DONE]":
			done = true
			continue
		}
		e = event{}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return false, err
		}
		failed = failed || e.Error != nil
		for _, c := range e.Choices {
			text += c.Delta.Content
			finished = finished || c.FinishReason == "stop"
		}
	}
	switch {
	case finished && done && !failed && text == want:
		return true, nil
	case failed && !finished && strings.HasPrefix(want, text):
		return false, nil
	}
	return false, fmt.Errorf("a stream with finish %v, done %v, error %v: %q", finished, done, failed, text)
}

// An engine that fails in every way, under load: no answer is wrong, no question costs
// more than two generations at an engine, and nothing is left of what has ended.
// `make soak` asks for ten minutes.
func TestSoak(t *testing.T) {
	var first, second sync.Map
	servers := []*httptest.Server{httptest.NewServer(flaky(5, &first)), httptest.NewServer(flaky(7, &second))}
	for _, s := range servers {
		t.Cleanup(s.Close)
	}
	stack := gatewaytest.Open(t, fmt.Sprintf("use: [first, second]\nretries: 0\nproviders:\n- {name: first, kind: openai, base_url: '%s/v1', model: m, local: true}\n- {name: second, kind: openai, base_url: '%s/v1', model: m, local: true}\n", servers[0].URL, servers[1].URL))
	url, g := guarded(t, stack, nil, io.Discard)
	var (
		next, answers, failures atomic.Int64
		all                     sync.WaitGroup
		pace                    <-chan time.Time
		total                   = int64(4000)
		ended                   = time.Now().Add(*soakFor)
	)
	if testing.Short() {
		total = 400
	}
	if *soakRate > 0 {
		ticker := time.NewTicker(time.Second / time.Duration(*soakRate))
		defer ticker.Stop()
		pace = ticker.C
	}
	more := func(n int64) bool {
		if *soakFor > 0 {
			return time.Now().Before(ended)
		}
		return n <= total
	}
	var before uint64
	atHalf := sync.OnceFunc(func() {
		before = heap()
	})
	for range 32 {
		all.Go(func() {
			for n := next.Add(1); more(n); n = next.Add(1) {
				if pace != nil {
					<-pace
				}
				if *soakFor > 0 && time.Until(ended) < *soakFor/2 || *soakFor == 0 && n > total/2 {
					atHalf()
				}
				answered, err := soaked(t.Context(), url, int(n))
				for _, asked := range []*sync.Map{&first, &second} {
					if times, ok := asked.LoadAndDelete(int(n)); ok && times.(*atomic.Int64).Load() > 1 {
						t.Errorf("question %d was asked %d times at one engine", n, times)
					}
				}
				switch {
				case err != nil:
					t.Errorf("question %d: %v", n, err)
				case answered:
					answers.Add(1)
				default:
					failures.Add(1)
				}
			}
		})
	}
	all.Wait()
	after := heap()
	t.Logf("%d answers, %d failures; the heap had %d KiB halfway, and has %d KiB", answers.Load(), failures.Load(), before>>10, after>>10)
	if answers.Load() == 0 || failures.Load() == 0 {
		t.Errorf("%d answers, %d failures", answers.Load(), failures.Load())
	}
	if n := len(g.Exchange().Live()); n > 0 {
		t.Errorf("%d calls are under way after the end", n)
	}
	if after > before+before/2+(4<<20) {
		t.Errorf("the heap grows: %d KiB halfway, %d KiB at the end", before>>10, after>>10)
	}
	got := scrape(t, url)
	sum := 0.0
	for series, v := range got {
		if has(series, "tandem_calls_total") {
			sum += v
		}
	}
	if sum != float64(answers.Load()+failures.Load()) {
		t.Errorf("the metrics count %v calls of %d", sum, answers.Load()+failures.Load())
	}
}

// heap is what is alive.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
