package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/provider"
)

// Hold is what many streams at once cost the process that reads them.
type Hold struct {
	Who        string  `json:"who"`
	Streams    int     `json:"streams"`       // all open at the same moment
	Open       float64 `json:"open_ms"`       // until the last of them had its first token
	Finish     float64 `json:"finish_ms"`     // from there until all were whole
	Memory     float64 `json:"bytes"`         // a stream, from the system, heap and stacks
	Goroutines float64 `json:"goroutines"`    // a stream
	RSS        int64   `json:"rss_kib"`       // of the whole process; 0: not known
	Wrong      int     `json:"wrong_answers"` // failed, or not the server's text
}

// opening is how many streams are opened at a time: a server's backlog is not
// what is measured.
const opening = 200

// HoldStreams opens n streams to the fake server, which holds each of them
// after its first token. When all are there, it measures, lets them go, and
// reads them to their end. baseURL is the server's, with its /v1.
func HoldStreams(ctx context.Context, who, baseURL string, n int) (Hold, error) {
	held := strings.TrimSuffix(baseURL, "/v1") + "/held"
	stream, err := streamer(who, held+"/v1")
	if err != nil {
		return Hold{}, err
	}
	h := Hold{Who: who, Streams: n}
	if err := descriptors(n); err != nil {
		return h, err
	}
	var (
		first  = make(chan struct{}, n)
		all    sync.WaitGroup
		slots  = make(chan struct{}, opening)
		wrong  atomic.Int64
		said   sync.Once
		cause  error
		before = memory()
		start  = time.Now()
	)
	for range n {
		slots <- struct{}{}
		all.Go(func() {
			free := sync.OnceFunc(func() { <-slots })
			defer free()
			began := sync.OnceFunc(func() { first <- struct{}{} })
			defer began() // one that failed is not waited for
			text, err := stream(ctx, func(i int) {
				if i == 1 {
					free()
					began()
				}
			})
			if err == nil && text != Answer() {
				err = errors.New("the answer is not the server's")
			}
			if err != nil {
				wrong.Add(1)
				said.Do(func() { cause = err })
			}
		})
	}
	for range n {
		<-first
	}
	h.Open = ms(time.Since(start))
	h.Memory = float64(memory()-before) / float64(n)
	h.Goroutines = float64(runtime.NumGoroutine()) / float64(n)
	h.RSS = rss()
	start = time.Now()
	if err := release(ctx, held); err != nil {
		return h, err
	}
	all.Wait()
	h.Finish, h.Wrong = ms(time.Since(start)), int(wrong.Load())
	if h.Wrong > 0 {
		return h, fmt.Errorf("%d of %d streams went wrong: %w", h.Wrong, n, cause)
	}
	return h, nil
}

// release lets the held streams go.
func release(ctx context.Context, held string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, held+"/release", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// memory is what heap and stacks take of the system, in bytes.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// streamer asks the story and calls token at each of its tokens, from 1.
func streamer(who, baseURL string) (func(ctx context.Context, token func(int)) (string, error), error) {
	if who == "floor" {
		cfg := openai.DefaultConfig(fakeKey)
		cfg.BaseURL = baseURL
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idleConns}}
		client := openai.NewClientWithConfig(cfg)
		return func(ctx context.Context, token func(int)) (string, error) { return floorStream(ctx, client, token) }, nil
	}
	stack, err := tandemStack(baseURL)
	if err != nil {
		return nil, err
	}
	story := provider.Request{Messages: []provider.Message{provider.User(streamPrompt)}}
	return func(ctx context.Context, token func(int)) (string, error) {
		r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
			n := 0
			for c, err := range stack.Chat(ctx, story) {
				if c.Text != "" {
					n++
					token(n)
				}
				if !yield(c, err) {
					return
				}
			}
		})
		return r.Text, err
	}, nil
}

func floorStream(ctx context.Context, client *openai.Client, token func(int)) (string, error) {
	req := request(streamPrompt)
	req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	stream, err := client.CreateChatCompletionStream(ctx, req)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var text strings.Builder
	for n := 0; ; {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return text.String(), nil
		}
		if err != nil {
			return "", err
		}
		if len(event.Choices) > 0 && event.Choices[0].Delta.Content != "" {
			n++
			text.WriteString(event.Choices[0].Delta.Content)
			token(n)
		}
	}
}

// Streams holds n streams with the floor and with Tandem, each a process of
// its own, against one fake server.
func Streams(ctx context.Context, p Plan, n int) ([]Hold, error) {
	server, err := start(ctx, p.Log, "the fake server", append(p.Self[:len(p.Self):len(p.Self)], "-serve")...)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	url, err := server.line()
	if err != nil {
		return nil, err
	}
	var holds []Hold
	for _, who := range []string{"floor", "tandem"} {
		fmt.Fprintf(p.Log, "%s: %d streams\n", who, n)
		w, err := start(ctx, p.Log, who, append(p.Self[:len(p.Self):len(p.Self)], "-work", who, "-streams", strconv.Itoa(n), url)...)
		if err != nil {
			return nil, err
		}
		line, err := w.line()
		w.stop()
		if err != nil {
			return nil, err
		}
		var h Hold
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			return nil, fmt.Errorf("%s: %w", who, err)
		}
		holds = append(holds, h)
	}
	return holds, nil
}
