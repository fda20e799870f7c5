package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/gateway/keystore"
	"github.com/tandem-llm/tandem/internal/gateway/listen"
)

// listenTo opens what the gateway listens on, or takes what systemd has opened.
func (a *app) listenTo(ctx context.Context, in serveInput, cfg config.Gateway, store *keystore.Store, inherited []net.Listener) ([]net.Listener, error) {
	entries, err := store.Entries()
	if err != nil {
		return nil, err
	}
	address := cmp.Or(in.listen, listenAddress(cfg))
	all, err := listen.Open(ctx, listen.Config{Address: address, Exposed: in.expose, HasKeys: len(entries) > 0, Inherited: inherited})
	exposed, taken := new(listen.ExposedError), new(listen.TakenError)
	switch {
	case errors.As(err, &exposed) && exposed.NoKeys:
		return nil, usageError{&advised{err, "make a key with `tandem serve keys add NAME`, and add --expose"}}
	case errors.As(err, &exposed):
		return nil, usageError{&advised{err, "add --expose"}}
	case errors.As(err, &taken) && taken.Tandem:
		return nil, &advised{err, "use that one, or listen elsewhere with --listen"}
	case errors.As(err, &taken):
		return nil, &advised{err, "stop it, or listen elsewhere with --listen"}
	}
	return all, err
}

// listenAddress is where the configuration says to listen.
func listenAddress(cfg config.Gateway) string { return cmp.Or(cfg.Listen, config.DefaultListen) }

// guarded is the gateway's handler behind its guard, in a server that keeps its limits.
func guarded(g *gateway.Server, cfg config.Gateway, store *keystore.Store, log *slog.Logger) (*guard.Guard, *http.Server, error) {
	stands, err := guard.New(guard.Config{
		Hosts: cfg.Hosts, Origins: cfg.Origins, Keys: store, Public: gateway.Public, Uploads: gateway.Uploads, Log: log, Served: g.Served,
		Refuse: func(w http.ResponseWriter, r *http.Request, refusal guard.Refusal) {
			g.Fail(w, r, &exchange.Failure{
				Status: refusal.Status, Code: refusal.Code, Message: refusal.Message, Retry: refusal.RetryAfter > 0, RetryAfter: refusal.RetryAfter,
			})
		},
	})
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("the configuration of the gateway: %w", err)}
	}
	return stands, stands.Server(g.Handler()), nil
}
