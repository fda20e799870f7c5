package cli

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// nodesDir has what this machine keeps of a cluster, and clusterDir of one that it serves.
func (a *app) nodesDir() string   { return filepath.Join(a.stateDir(), "nodes") }
func (a *app) clusterDir() string { return filepath.Join(a.nodesDir(), "cluster") }

// errNoCluster is a machine that knows of no cluster.
var errNoCluster = errors.New("this machine is in no cluster; start one with `tandem node serve`, or join one with `tandem node join`")

// clusterConfig is how the cluster is reached that this machine uses.
func (a *app) clusterConfig(cfg *config.Loaded) (natsqueue.Config, error) {
	// What is sent there says itself where it may go: see refuseLocal.
	dialer := httpx.Dialer(httpx.Policy{Offline: cfg.Offline}, 10*time.Second)
	out := natsqueue.Config{URL: cfg.Cluster.URL, Options: []nats.Option{nats.SetCustomDialer(dialer)}}
	if out.URL != "" {
		if cfg.Cluster.Creds != "" {
			out.Options = append(out.Options, nats.UserCredentials(cfg.Cluster.Creds))
		}
		return out, nil
	}
	m, err := cluster.ReadMember(a.nodesDir())
	if errors.Is(err, cluster.ErrNoMember) {
		return out, usageError{errNoCluster}
	}
	if err != nil {
		return out, err
	}
	err = memberConfig(&out, m)
	return out, err
}

// memberConfig is how a member reaches its cluster.
func memberConfig(out *natsqueue.Config, m *cluster.Member) error {
	tls, err := m.TLS()
	if err != nil {
		return err
	}
	out.URL, out.ID = m.URL, m.Cluster
	out.Options = append(out.Options, nats.Secure(tls))
	return nil
}

// openCluster connects to the cluster that this machine uses. id is the one that it has
// to be; empty: any.
func (a *app) openCluster(ctx context.Context, cfg *config.Loaded, id string) (*natsqueue.Cluster, error) {
	c, err := a.clusterConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.ID = cmp.Or(id, c.ID)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	opened, err := natsqueue.Open(ctx, c)
	if errors.Is(err, context.DeadlineExceeded) { // of the minute
		err = &natsqueue.Error{URL: c.URL, Kind: natsqueue.Silent, Err: err}
	}
	return opened, err
}

// usedCluster connects to the cluster that this machine uses; nil: it uses none.
func (a *app) usedCluster(ctx context.Context, cfg *config.Loaded) (*natsqueue.Cluster, error) {
	c, err := a.openCluster(ctx, cfg, "")
	if errors.Is(err, errNoCluster) {
		return nil, nil //nolint:nilnil // as documented
	}
	return c, err
}

// clusterRemedy is what to do next about an error of a cluster; empty: it is another error,
// or nothing is known.
func clusterRemedy(err error) string {
	var trouble *natsqueue.Error
	switch {
	case errors.As(err, new(*cluster.ExpiredError)):
		return "get a new one: `tandem node invite` where the cluster is served, and `tandem node join --replace` here"
	case errors.As(err, new(*natsqueue.OtherClusterError)):
		return "use the cluster that the batch or the certificate is of, or start anew"
	case errors.As(err, new(*natsqueue.NoJetStreamError)):
		return "start the server with --jetstream"
	case !errors.As(err, &trouble):
		return ""
	}
	switch trouble.Kind {
	case natsqueue.Silent:
		return "check that `tandem node serve` or your NATS server runs there"
	case natsqueue.Refused, natsqueue.Stranger:
		return "join again with `tandem node join --replace`, or check `cluster.url` and `cluster.creds`"
	case natsqueue.Forbidden:
		return "allow it to that user in the configuration of the NATS server"
	case natsqueue.Full:
		return "make room there, or raise the limit of the account"
	case natsqueue.TooLarge:
		return "raise `max_payload` of the NATS server"
	case natsqueue.Gone:
		return "hand it over again with `tandem batch resume`"
	case natsqueue.NoCapacity:
		return "raise the limits of the account in the configuration of the NATS server"
	}
	return ""
}
