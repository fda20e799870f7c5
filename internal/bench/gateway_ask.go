package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// asker sends one request after another, and reads the answers.
type asker struct {
	client *http.Client
	url    string
	header http.Header
}

func newAsker(base string) *asker {
	return &asker{
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 14, DisableCompression: true}},
		url:    base + "/v1/chat/completions", header: http.Header{"Content-Type": {"application/json"}},
	}
}

// ask asks the story. The answer has to be the server's, whole; a stream has to end as
// one does. First, unless nil, is called at the first token of a stream.
func (a *asker) ask(ctx context.Context, stream bool, first func()) error {
	body := fmt.Sprintf(`{"model":"fake","stream":%v,"messages":[{"role":"user","content":%q}]}`, stream, streamPrompt)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = a.header.Clone()
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var text, said []byte
	done := !stream
	lines := bufio.NewReaderSize(res.Body, 8<<10)
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		if res.StatusCode != http.StatusOK {
			said = append(said, line...)
		}
		if _, rest, ok := bytes.Cut(line, []byte(`"content":"`)); ok {
			piece, _, _ := bytes.Cut(rest, []byte(`"`)) // the server's words have none
			if text = append(text, piece...); first != nil && len(piece) > 0 {
				first()
				first = nil
			}
		}
		done = done || bytes.HasPrefix(line, []byte("data: [DONE]"))
	}
	if !errors.Is(err, io.EOF) || res.StatusCode != http.StatusOK || !done || string(text) != Answer() {
		return fmt.Errorf("status %d, whole %v, %d bytes of %d, %w: %s", res.StatusCode, done, len(text), len(Answer()), err, said)
	}
	return nil
}

// load asks n times, c at once. Each is how long every request took, in microseconds.
func (a *asker) load(ctx context.Context, stream bool, n, c int) (wall time.Duration, each []float64, err error) {
	var (
		mu   sync.Mutex
		all  sync.WaitGroup
		next = make(chan struct{}, n)
	)
	for range n {
		next <- struct{}{}
	}
	close(next)
	start := time.Now()
	for range c {
		all.Go(func() {
			var own []float64
			for range next {
				began := time.Now()
				if e := a.ask(ctx, stream, nil); e != nil {
					mu.Lock()
					defer mu.Unlock()
					err = e
					return
				}
				own = append(own, float64(time.Since(began).Microseconds()))
			}
			mu.Lock()
			defer mu.Unlock()
			each = append(each, own...)
		})
	}
	all.Wait()
	return time.Since(start), each, err
}
