package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/terminal"
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
	return out, memberConfig(&out, m)
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
	if err != nil {
		return nil, clusterError(err, c.URL)
	}
	return opened, nil
}

// clusterError is the error of a cluster that cannot be used, with what to do.
func clusterError(err error, url string) error {
	var other *natsqueue.OtherClusterError
	var none *natsqueue.NoJetStreamError
	switch {
	case errors.As(err, &other):
		return fmt.Errorf("%w; use the cluster that the batch or the certificate is of, or start anew", err)
	case errors.As(err, &none):
		return fmt.Errorf("%w; start the server with --jetstream", err)
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("%s refuses the credentials; check `cluster.creds`, or join again with `tandem node join`", url)
	}
	return fmt.Errorf("the cluster cannot be reached: %s; is `tandem node serve` running there?", clusterText(err))
}

// clusterText is an error of a cluster for a reader.
func clusterText(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return "it did not answer in time"
	}
	return terminal.OneLine(strings.TrimPrefix(err.Error(), "nats: "))
}
