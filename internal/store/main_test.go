package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// The test binary is also a process that uses a store: what it does is the
// first argument, the store's directory the second.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "as-process" {
		if err := asProcess(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// The racing processes' budget and what each call can cost and does.
const (
	raceLimit   = 0.010
	raceCan     = 0.001 // as worst says of raceRequest
	raceProcess = 50
)

func asProcess(what, dir string) error {
	w := NewWriter(New(dir))
	p := &providertest.Fake{ProviderName: "paid", Answers: []providertest.Answer{{Text: []string{"hello"}, Usage: &provider.Usage{InputTokens: 10, OutputTokens: 10}}}}
	switch what {
	case "log":
		l := NewLog(p, LogConfig{Writer: w, Content: true})
		for range 4 {
			if _, err := provider.Collect(l.Chat(context.Background(), question("from a process"))); err != nil {
				return err
			}
		}
	case "spend", "spend-with-a-key": // until the budget is gone: what was paid goes to standard output
		limits, caller := Limits{PerDay: provider.Ptr(raceLimit)}, ledger.Caller{}
		if what == "spend-with-a-key" {
			limits, caller = Limits{}, ledger.Caller{Name: "laptop", PerDayUSD: limits.PerDay}
		}
		b := NewBook(w, limits)
		paid := 0.0
		for range 20 {
			mark, err := b.Reserve(context.Background(), ledger.Reservation{Provider: "paid", Model: "m", USD: raceCan, Caller: caller})
			if errors.As(err, new(*ledger.Over)) {
				continue
			}
			if err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // the call
			paid += raceCan / 2
			b.Settle(mark, ledger.Entry{Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(raceCan / 2)}})
		}
		fmt.Println(paid)
	case "log-forever":
		return logForever(w)
	case "embed":
		return embedAsProcess(New(dir))
	case "die": // with a reservation
		b := NewBook(w, Limits{PerDay: provider.Ptr(raceLimit)})
		if _, err := b.Reserve(context.Background(), ledger.Reservation{Provider: "paid", Model: "m", USD: raceLimit}); err != nil {
			return err
		}
		os.Exit(3)
	}
	return w.Close()
}

// processes runs n of them at once and returns what each wrote.
func processes(t *testing.T, n int, what, dir string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), self, "as-process", what, dir)
			var said, failed errBuffer
			cmd.Stdout, cmd.Stderr = &said, &failed
			if err := cmd.Run(); err != nil {
				t.Errorf("process %d: %v: %s", i, err, failed.String())
			}
			out[i] = said.String()
		})
	}
	wg.Wait()
	return out
}

type errBuffer struct{ data []byte }

func (b *errBuffer) Write(p []byte) (int, error) { b.data = append(b.data, p...); return len(p), nil }
func (b *errBuffer) String() string              { return string(b.data) }

func question(text string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}}
}

func parseFloat(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// died runs a process that dies with a reservation.
func died(t *testing.T, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = exec.CommandContext(t.Context(), self, "as-process", "die", dir).Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		return nil
	}
	return fmt.Errorf("it ended with %v", err)
}
