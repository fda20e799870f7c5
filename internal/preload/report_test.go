package preload

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many wait for a load, it is told once.
func TestALoadIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &load{key: key{model: "m"}, begun: time.Now(), done: make(chan struct{})}
		var mu sync.Mutex
		var lines []string
		tell := func(line string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, line)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := l.wait(t.Context(), tell); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(2 * firstReport)
		close(l.done)
		all.Wait()
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "loading m") || !strings.HasPrefix(lines[1], "m is in memory") {
			t.Errorf("%q", lines)
		}
	})
}
