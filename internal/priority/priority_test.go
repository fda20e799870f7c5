package priority

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ollama = "http://127.0.0.1:11434"

// processes are two that share a directory.
func processes(t *testing.T) (a, b *Engines) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state", "engines")
	a, b = New(dir), New(dir)
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	return a, b
}

// wait has calls of a batch wait, and returns how each ended.
func wait(ctx context.Context, e *Engine, calls int) <-chan error {
	ended := make(chan error, calls)
	for range calls {
		go func() {
			_, err := e.Wait(ctx)
			ended <- err
		}()
	}
	return ended
}

// A batch's calls wait as long as an interactive one does, in the same process or in
// another one, and a moment longer.
func TestInteractiveCallsGoFirst(t *testing.T) {
	for _, same := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			chat, night := processes(t)
			if same {
				night = chat
			}
			e, meter := night.At(ollama), &Meter{}
			ctx := Batch(t.Context(), Options{Meter: meter})
			if anyway, err := e.Wait(ctx); anyway || err != nil || meter.Waits() != (Waits{}) {
				t.Fatalf("nobody is there: %v, %v, %+v", anyway, err, meter.Waits())
			}
			first := chat.At("http://localhost:11434").Begin()
			second := chat.At(ollama).Begin()
			ended := wait(ctx, e, 3)
			time.Sleep(10 * time.Second)
			first()
			time.Sleep(10 * time.Second)
			if w := meter.Waits(); len(ended) != 0 || !w.Now || w.Times != 1 || w.Total < 19*time.Second {
				t.Errorf("same process %v: %d calls started beside an interactive one, %+v", same, len(ended), w)
			}
			second()
			began := time.Now()
			for range 3 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			w := meter.Waits()
			if took := time.Since(began); took < linger || took > linger+2*lookEvery {
				t.Errorf("same process %v: waited %v for another interactive call", same, took)
			}
			if w.Now || w.Times != 1 || w.Total < 20*time.Second || w.Total > 22*time.Second {
				t.Errorf("same process %v: %+v", same, w)
			}
		})
	}
}

// The calls of a chain's steps follow one another: none of a batch comes between.
func TestTheNextInteractiveCallFindsTheEngineFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat, night := processes(t)
		for range 5 {
			end := chat.At(ollama).Begin()
			time.Sleep(time.Second)
			end()
			time.Sleep(linger / 2)
			if night.At(ollama).Free() {
				t.Error("a batch's call may start between two interactive ones")
			}
		}
	})
}

// Another engine is not waited for, nor one of a process that ended without a word.
func TestWhoIsNotWaitedFor(t *testing.T) {
	chat, night := processes(t)
	end := chat.At(ollama).Begin()
	if !night.At("http://127.0.0.1:8080").Free() || night.At("http://[::1]:11434").Free() {
		t.Error("another engine is waited for, or the same one is not")
	}
	end()
	chat.Close()
	if !New(night.dir).At(ollama).Free() {
		t.Error("the lock outlives who had it")
	}
	var none *Engine
	none.Begin()()
	if _, err := none.Wait(t.Context()); err != nil || !none.Free() || !New("").At(ollama).Free() {
		t.Error("somebody waits where nothing is shared")
	}
}

// Batches do not wait for ever: one call a minute goes all the same.
func TestABatchDoesNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat, night := processes(t)
		defer chat.At(ollama).Begin()()
		began := time.Now()
		ended := wait(t.Context(), night.At(ollama), 3)
		for i := range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if took, want := time.Since(began), time.Duration(i+1)*MostWait; took < want || took > want+5*lookEvery {
				t.Errorf("call %d went after %v, want %v", i+1, took, want)
			}
		}
	})
}

func TestWaitingCanBeGivenUp(t *testing.T) {
	chat, night := processes(t)
	defer chat.At(ollama).Begin()()
	ctx, cancel := context.WithCancel(t.Context())
	ended := wait(ctx, night.At(ollama), 1)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Where the lock cannot be had, calls go on: nobody waits.
func TestWithoutLocksNobodyWaits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	chat, night := New(dir), New(dir)
	defer chat.Close()
	defer chat.At(ollama).Begin()()
	if !night.At(ollama).Free() {
		t.Error("a batch waits for a lock that nobody can have")
	}
}

// Looking does not keep an interactive call from showing itself.
func TestLookingTakesNothingAway(t *testing.T) {
	chat, night := processes(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				locked(night.At(ollama).path)
			}
		}
	}()
	for range 200 {
		end := chat.At(ollama).Begin()
		for night.At(ollama).Free() {
			if t.Context().Err() != nil {
				t.Fatal("the call is not seen")
			}
		}
		end()
		chat.Close()
	}
	close(stop)
	<-done
}

// answers is a provider that says whether the engine was free when it was asked.
type answers struct{ engine *Engine }

func (answers) Name() string                                     { return "a" }
func (answers) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (a answers) Embed(context.Context, provider.EmbedRequest) (provider.EmbedResponse, error) {
	return provider.EmbedResponse{Route: &provider.Route{Model: a.state()}}, nil
}

func (a answers) state() string {
	if a.engine.Free() {
		return "free"
	}
	return "taken"
}

func (a answers) Chat(_ context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		yield(provider.Chunk{Text: a.state(), Finish: provider.FinishStop}, nil)
	}
}

// Interactive calls show themselves, batches' ones wait, and those that a queue has had
// wait, or that have a deadline, do neither.
func TestTheProviderDoesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := New(t.TempDir())
		defer set.Close()
		e := set.At(ollama)
		p := Around(answers{e}, e)
		embeds, ok := provider.As[provider.Embedder](p)
		if !ok {
			t.Fatal("its vectors are gone")
		}
		ask := func(ctx context.Context) (chat, vectors string) {
			r, err := provider.Collect(p.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("x")}}))
			if err != nil {
				t.Error(err)
			}
			v, err := embeds.Embed(ctx, provider.EmbedRequest{})
			if err != nil {
				t.Error(err)
			}
			return r.Text, v.Route.Model
		}
		if chat, vectors := ask(t.Context()); chat != "taken" || vectors != "taken" {
			t.Errorf("an interactive call finds the engine %s, and %s", chat, vectors)
		}
		within, cancel := context.WithTimeout(Batch(t.Context(), Options{}), time.Hour)
		defer cancel()
		began := time.Now()
		for _, ctx := range []context.Context{within, Batch(t.Context(), Options{Queued: true})} {
			if chat, vectors := ask(ctx); chat != "taken" || vectors != "taken" || time.Since(began) != 0 {
				t.Errorf("%s, %s, after %v", chat, vectors, time.Since(began))
			}
		}
		if chat, vectors := ask(Batch(t.Context(), Options{})); chat != "free" || vectors != "free" || time.Since(began) < linger {
			t.Errorf("a batch's call finds the engine %s, and %s, after %v", chat, vectors, time.Since(began))
		}
		over := make(chan struct{})
		close(over)
		_, _ = ask(t.Context()) // which keeps the engine for a moment
		began = time.Now()
		if chat, vectors := ask(Batch(t.Context(), Options{Over: over})); chat != "taken" || vectors != "taken" || time.Since(began) != 0 {
			t.Errorf("a batch that is over waits: %s, %s, after %v", chat, vectors, time.Since(began))
		}
		canceled, cancel := context.WithCancel(Batch(t.Context(), Options{}))
		cancel()
		defer e.Begin()()
		if _, err := provider.Collect(p.Chat(canceled, provider.Request{})); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
