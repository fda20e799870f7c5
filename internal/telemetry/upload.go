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
	"sync/atomic"
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
	network atomic.Pointer[network]
	failure *failure
}

// network is a way to the collector.
type network struct {
	client *http.Client
	life   context.Context // the first call's, without its end; no upload outlives it
	cancel context.CancelCauseFunc
}

// failure is the first thing that went wrong, told when the program ends: nothing
// is said into an answer.
type failure struct {
	mu    sync.Mutex
	first string
}

func newUploader(ctx context.Context, offline bool, f *failure) *uploader {
	u := &uploader{failure: f}
	u.network.Store(newNetwork(ctx, offline))
	return u
}

func newNetwork(ctx context.Context, offline bool) *network {
	n := &network{client: httpx.PlainClient(httpx.Policy{Offline: offline}, connectTimeout)}
	n.life, n.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return n
}

// connectTimeout is the most time to reach a collector.
const connectTimeout = 5 * time.Second

var errWentOffline = errors.New("offline mode changed before it finished")

// goOffline ends the uploads under way and all connections: from now on only a
// collector on this machine is dialled.
func (u *uploader) goOffline() {
	old := u.network.Load()
	u.network.Store(newNetwork(old.life, true))
	old.close(errWentOffline)
}

// close ends the uploads under way.
func (u *uploader) close() { u.network.Load().close(nil) }

func (n *network) close(why error) {
	n.cancel(why)
	n.client.CloseIdleConnections()
}

// send posts m. What goes wrong is kept for the end of the program and is
// nobody's error: an answer does not depend on its trace.
func (u *uploader) send(s signal, m proto.Message) {
	if err := u.network.Load().post(s, m); err != nil {
		u.failure.note(fmt.Sprintf("telemetry could not be sent to %s://%s: %v", s.url.Scheme, s.url.Host, err))
	}
}

func (f *failure) note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == "" {
		f.first = text
	}
}

// text is the first thing that went wrong, or "".
func (f *failure) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first
}

func (n *network) post(s signal, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(n.life, s.timeout)
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
	resp, err := n.client.Do(req)
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
		if errors.Is(context.Cause(ctx), errWentOffline) {
			return errWentOffline
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
