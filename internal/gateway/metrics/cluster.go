package metrics

import (
	"context"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// cluster is the cluster of nodes and the nodes, where one is used. While its server does
// not answer nothing is told of them: what was known before would look like news.
func (m *Metrics) cluster() []*family {
	labels := []string{"node"}
	link := &family{kind: gauge, name: "tandem_cluster_link_up", help: "1 if the server of the cluster of nodes answers."}
	up := &family{kind: gauge, name: "tandem_node_up", help: "1 for a node that was heard of lately.", labels: labels}
	slots := &family{kind: gauge, name: "tandem_node_slots", help: "Rows that a node runs at a time.", labels: labels}
	running := &family{kind: gauge, name: "tandem_node_rows_running", help: "Rows that a node runs now.", labels: labels}
	held := &family{kind: gauge, name: "tandem_node_rows_held", help: "Rows that a node has leases of, those that wait included.", labels: labels}
	rows := &family{kind: gauge, name: "tandem_node_rows_per_second", help: "Rows that ended a second on a node, lately.", labels: labels}
	tokens := &family{kind: gauge, name: "tandem_node_tokens_per_second", help: "Tokens of a node's answers a second, lately.", labels: labels}
	loaded := &family{kind: gauge, name: "tandem_node_models_loaded", help: "Models that a node has in memory.", labels: labels}
	ended := &family{kind: counter, name: "tandem_node_rows_total", help: "Rows of a node since it began, by what came of them.", labels: []string{"node", "outcome"}}
	all := []*family{link, up, slots, running, held, rows, tokens, loaded, ended}
	if m.cfg.Cluster == nil {
		return all
	}
	seen, used := m.cfg.Cluster(context.Background())
	switch {
	case !used:
		return all
	case seen.Link != natsqueue.LinkUp:
		link.add(0)
		return all
	}
	link.add(1)
	for i := range seen.Nodes {
		n := &seen.Nodes[i]
		name := m.names.node(n.Name)
		is := 1.0
		if n.Silent {
			is = 0
		}
		up.add(is, name)
		slots.add(float64(n.Slots), name)
		running.add(float64(n.Running), name)
		held.add(float64(n.Total.Held), name)
		rows.add(n.Rate, name)
		tokens.add(n.Tokens, name)
		loaded.add(float64(len(n.Loaded)), name)
		ended.add(float64(n.Total.Done), name, "done")
		ended.add(float64(n.Total.Failed), name, "failed")
		ended.add(float64(n.Total.Duplicate), name, "duplicate")
		ended.add(float64(n.Total.Returned), name, "returned")
	}
	return all
}
