package batchapi

import (
	"context"
	"io"
	"testing"

	"github.com/tandem-llm/tandem/internal/testbatch"
	"github.com/tandem-llm/tandem/provider/openai"
)

// A process that ends at any call finds what it had sent, and sends nothing twice.
func TestAKilledProcessSendsNothingTwice(t *testing.T) {
	manners := []testbatch.Manner{{}, {Nameless: true}, {Polls: []int{0, 0}, Cut: 1}, {}}
	for i, m := range manners {
		for stop := 1; ; stop++ {
			b := newBench(t, m)
			b.start(rows(5)...)
			ended := false
			// The process dies at its stop-th call: with it made and the answer unread, or before.
			c, done := b.open()
			k := &killed{API: c.API, left: stop, before: i == len(manners)-1}
			c.API = k
			func() {
				defer func() {
					if recover() == nil {
						ended = true
					}
				}()
				_ = Work(t.Context(), c)
			}()
			done()
			if err := b.work(nil); err != nil {
				t.Fatalf("%+v, killed at call %d: %v", m, stop, err)
			}
			got, s := b.results()
			if len(got) != 5 || s.Done != 5 {
				t.Errorf("%+v, killed at call %d: %q", m, stop, got)
			}
			for prompt, n := range b.server.Asked() {
				if n != 1 {
					t.Errorf("%+v, killed at call %d: %q was accepted %d times", m, stop, prompt, n)
				}
			}
			if n := b.server.Count("POST /v1/files"); n != 1 {
				t.Errorf("%+v, killed at call %d: %d uploads", m, stop, n)
			}
			if len(b.held) != 0 {
				t.Errorf("money is still set aside: %v", b.held)
			}
			if n := b.server.Files(); n != 0 {
				t.Errorf("%+v, killed at call %d: %d files are left at the provider", m, stop, n)
			}
			if ended {
				break
			}
		}
	}
}

// killed is an API whose process dies when a call has been made, or is to be.
type killed struct {
	API
	left   int
	before bool
}

func (k *killed) call(do func()) {
	k.left--
	if k.left == 0 && k.before {
		panic("killed")
	}
	do()
	if k.left == 0 {
		panic("killed")
	}
}

func (k *killed) Upload(ctx context.Context, name string, size int64, content io.Reader) (id string, err error) {
	k.call(func() { id, err = k.API.Upload(ctx, name, size, content) })
	return id, err
}

func (k *killed) Create(ctx context.Context, file, endpoint string, metadata map[string]string) (job openai.BatchJob, err error) {
	k.call(func() { job, err = k.API.Create(ctx, file, endpoint, metadata) })
	return job, err
}

func (k *killed) Job(ctx context.Context, id string) (job openai.BatchJob, err error) {
	k.call(func() { job, err = k.API.Job(ctx, id) })
	return job, err
}

func (k *killed) Download(ctx context.Context, file string) (r io.ReadCloser, err error) {
	k.call(func() {
		if r, err = k.API.Download(ctx, file); err == nil && k.left == 0 {
			_ = r.Close()
		}
	})
	return r, err
}

func (k *killed) Delete(ctx context.Context, file string) (err error) {
	k.call(func() { err = k.API.Delete(ctx, file) })
	return err
}
