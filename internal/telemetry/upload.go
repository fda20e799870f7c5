package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// uploader posts OTLP messages, protobuf over HTTP. It tries each once: what a
// collector does not take is lost, and said when the program ends. The
// exporters of the OpenTelemetry project are not used, for they link gRPC,
// which adds 8 MB to the program and 1 ms to its start.
type uploader struct {
	client *http.Client
	life   context.Context // the first call's, without its end; ends with close, and no upload outlives it
	cancel context.CancelFunc

	mu           sync.Mutex
	firstFailure string // the first failure, for the end: nothing is said into an answer
}

func newUploader(ctx context.Context, policy httpx.Policy) *uploader {
	u := &uploader{client: httpx.PlainClient(policy, connectTimeout)}
	u.life, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return u
}

// connectTimeout is the most time to reach a collector.
const connectTimeout = 5 * time.Second

// close ends the uploads under way.
func (u *uploader) close() {
	u.cancel()
	u.client.CloseIdleConnections()
}

// send posts m. What goes wrong is kept for the end of the program and is
// nobody's error: an answer does not depend on its trace.
func (u *uploader) send(s signal, m proto.Message) {
	err := u.post(s, m)
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.firstFailure == "" {
		u.firstFailure = fmt.Sprintf("telemetry could not be sent to %s://%s: %v", s.url.Scheme, s.url.Host, err)
	}
}

// failureText is the first thing that went wrong, or "".
func (u *uploader) failureText() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.firstFailure
}

func (u *uploader) post(s signal, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(u.life, s.timeout)
	defer cancel()
	if s.gzip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(body); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		body = b.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range s.headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if s.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := u.client.Do(req)
	if err != nil {
		var (
			refused *provider.Error
			ue      *url.Error
		)
		if errors.As(err, &refused) {
			return refused.Err
		}
		if errors.As(err, &ue) { // it repeats the URL, which may hold a key
			err = ue.Err
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return errors.New("it did not answer in time")
		}
		return httpx.Plain(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered with HTTP status %d", resp.StatusCode)
	}
	return nil
}
