package natsserver

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"
)

// A store that cannot be written for a while, as on a full disk, takes writes again by
// itself once it can: JetStream writes no more to a stream that has failed once. Here files
// may not grow beyond a limit.
func TestAStoreThatCannotBeWritten(t *testing.T) {
	s, say := started(t, t.TempDir(), "127.0.0.1:0")
	defer s.Close()
	js, err := connected(t, s, member(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 100<<10)
	publish := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s", message)
		return err
	}
	stored := uint64(0)
	until := func(what string, done func(error) bool) {
		t.Helper()
		for ended := time.Now().Add(2 * time.Minute); ; {
			err := publish()
			if err == nil {
				stored++
			}
			if done(err) {
				return
			}
			if time.Now().After(ended) {
				t.Fatalf("%s: %v; %s", what, err, say)
			}
		}
	}
	until("at first", func(err error) bool { return err == nil })
	free := limitFiles(t, 256<<10)
	until("on a full disk", func(err error) bool { return err != nil && strings.Contains(say.String(), "cannot be written") })
	free()
	until("once there is room", func(err error) bool { return err == nil })
	if text := say.String(); !strings.Contains(text, "the store of the cluster cannot be written: file too large; rows wait until it can") || !strings.HasSuffix(text, "the store of the cluster can be written again") {
		t.Errorf("it says %s", text)
	}
	stream, err := js.Stream(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n < stored {
		t.Errorf("%d messages of %d that were confirmed", n, stored)
	}
}

// limitFiles has no file grow beyond a size.
func limitFiles(t *testing.T, most uint64) (free func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	free = func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(free)
	return free
}
