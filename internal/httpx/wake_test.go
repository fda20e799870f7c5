package httpx_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

func TestWakeIsBroadcastAndNeverOffline(t *testing.T) {
	var asked []string
	ctx := httpx.WatchDials(context.Background(), func(_, address string) error {
		asked = append(asked, address)
		return errors.New("refused by the test")
	})
	if err := (httpx.Policy{}).Wake(ctx, "aa:bb:cc:dd:ee:ff"); err == nil {
		t.Error("nothing was sent, and that is no error")
	}
	if !slices.Contains(asked, "255.255.255.255:9") {
		t.Errorf("sent to %q, want the broadcast address among them", asked)
	}
	asked = nil
	if err := (httpx.Policy{Offline: true}).Wake(ctx, "aa:bb:cc:dd:ee:ff"); !errors.Is(err, provider.Offline) || len(asked) > 0 {
		t.Errorf("%v, sent to %q; want nothing sent in offline mode", err, asked)
	}
}
