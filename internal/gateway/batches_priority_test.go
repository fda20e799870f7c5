package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/priority"
)

// While an interactive call runs, of a client or of another process, a batch asks nothing
// and says why.
func TestBatchesWaitForInteractiveCalls(t *testing.T) {
	for _, other := range []bool{false, true} {
		e := gatewaytest.NewEngine(t)
		s := gatewaytest.Stack(t, e, "ok")
		b := batchingAt(t, s, nil)
		ended := make(chan error, 1)
		if other {
			process := priority.New(s.StateDir() + "/interactive")
			t.Cleanup(process.Close)
			end := process.At(e.URL).Begin()
			go func() {
				<-e.Release
				end()
				ended <- nil
			}()
		} else {
			go func() {
				gatewaytest.Do(t, "POST", b.url+"/v1/chat/completions", `{"model":"hold","messages":[{"role":"user","content":"x"}]}`)
				ended <- nil
			}()
			for e.Chats("hold") == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		text := ""
		for i := range 5 {
			text += requestLine(fmt.Sprint("r", i), "echo", "x")
		}
		made := b.create(text, "")
		for got := made; got.Tandem.Waiting != "interactive calls go first"; {
			if r := b.do("GET", "/v1/batches/"+made.ID, "", &got); r.Status != http.StatusOK || got.Status == "completed" {
				t.Fatalf("another process %v: the batch does not wait: %s", other, r.Body)
			}
		}
		if n := e.Chats("echo"); n != 0 {
			t.Errorf("another process %v: %d requests of the batch were asked beside it", other, n)
		}
		e.Release <- struct{}{}
		<-ended
		got := b.until(made.ID, "completed")
		if got.Counts.Completed != 5 || got.Tandem.Waits != 1 || got.Tandem.Waited <= 0 || got.Tandem.Waiting != "" {
			t.Errorf("another process %v: %+v", other, got)
		}
		b.close()
	}
}
