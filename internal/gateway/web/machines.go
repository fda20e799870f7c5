package web

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/provider/pool"
)

// host is one of a provider's hosts, as far as is known.
type host struct {
	Name     string        `json:"name"`
	State    string        `json:"state"`
	Reason   string        `json:"reason,omitempty"` // why it is not up
	InFlight int           `json:"in_flight"`        // calls
	Answered int           `json:"answered"`
	Failed   int           `json:"failed"`
	Rate     float64       `json:"tokens_per_second"`
	Loaded   []string      `json:"loaded"`
	Last     *pool.Failure `json:"last_failure,omitempty"`
}

// hosts are those of a provider. What a call's failure said is for who sees all calls.
func hosts(all []pool.Status, seesAll bool) []host {
	out := []host{}
	for i := range all {
		h := &all[i]
		one := host{Name: h.Host, State: string(h.State), InFlight: h.InFlight, Answered: h.Answered, Failed: h.Failed, Rate: h.Rate, Loaded: []string{}}
		if seesAll {
			one.Reason, one.Last = h.Reason, h.LastFailure
		}
		for _, m := range h.Loaded {
			one.Loaded = append(one.Loaded, m.Name)
		}
		out = append(out, one)
	}
	return out
}

// cluster is a cluster of nodes. Whose batches they run is not among it.
type cluster struct {
	ID       string         `json:"id"`
	Link     natsqueue.Link `json:"link"`
	Why      string         `json:"why,omitempty"` // the link is down
	Since    time.Time      `json:"since"`
	Replicas int            `json:"replicas"`
	At       time.Time      `json:"at"` // when the nodes were so
	Nodes    []clusterNode  `json:"nodes"`
}

type clusterNode struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	State    string    `json:"state"`
	Slots    int       `json:"slots"`
	Running  int       `json:"running"` // rows
	Held     int       `json:"held"`
	Rows     float64   `json:"rows_per_second"`
	Tokens   float64   `json:"tokens_per_second"`
	Done     int       `json:"done"`
	Failed   int       `json:"failed"`
	Twice    int       `json:"duplicate"`
	Loaded   []string  `json:"loaded"`
	Declines int       `json:"declines"` // batches
	Seen     time.Time `json:"seen"`
}

// cluster is what is known of the cluster of nodes, for who sees the calls of everybody.
func (u *UI) cluster(ctx context.Context, who exchange.Caller) *cluster {
	if u.cfg.Cluster == nil || !who.SeesAll() {
		return nil
	}
	seen, used := u.cfg.Cluster(ctx)
	if !used {
		return nil
	}
	out := &cluster{ID: seen.Cluster, Link: seen.Link, Why: seen.Why, Since: seen.Since, Replicas: seen.Replicas, At: seen.At, Nodes: []clusterNode{}}
	for i := range seen.Nodes {
		n := &seen.Nodes[i]
		out.Nodes = append(out.Nodes, clusterNode{
			ID: n.ID, Name: n.Name, State: n.Does(), Slots: n.Slots, Running: n.Running, Held: n.Total.Held, Rows: n.Rate, Tokens: n.Tokens,
			Done: n.Total.Done, Failed: n.Total.Failed, Twice: n.Total.Duplicate, Loaded: append([]string{}, n.Loaded...), Declines: len(n.Declined), Seen: n.Seen,
		})
	}
	return out
}
