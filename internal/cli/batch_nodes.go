package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// nodesRun is what nodes need to run the rows of a batch.
type nodesRun struct {
	cluster *natsqueue.Cluster
	chains  []string // the chains' files, in the bundle
	bundle  []byte
	local   bool // only local providers of nodes may answer
}

func (b *batchRun) clusterID() string {
	if b.nodes == nil {
		return ""
	}
	return b.nodes.cluster.ID
}

// whereSent is who has the rows that are sent.
func whereSent(s *batch.Status) string {
	if s.Cluster != "" {
		return "with nodes"
	}
	return "at " + s.BatchAPI
}

// useNodes prepares that nodes run the rows, or says why they cannot. files are the
// chains'. It looks at the first row.
func (a *app) useNodes(ctx context.Context, b *batchRun, files []string, rows iter.Seq2[table.Row, error], given map[string]any) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		return a.openNodes(ctx, b, files, row.Inputs, given, "")
	}
	return usageError{errors.New("no row is left to run")}
}

// openNodes prepares that nodes run rows such as one with these inputs; nil: none is left.
func (a *app) openNodes(ctx context.Context, b *batchRun, files []string, inputs, given map[string]any, id string) error {
	sources, err := a.answers.options()
	switch {
	case err != nil:
		return err
	case sources.Record != "" || sources.Replay != "" || sources.Cache != nil && *sources.Cache:
		return usageError{errors.New("--nodes goes with neither --record, --replay nor --cache")}
	}
	n := &nodesRun{}
	if inputs != nil {
		if n.local, err = b.staysLocal(ctx, inputs, given); err != nil {
			return err
		}
	}
	cfg := b.stack.Config()
	if err := refuseLocal(cfg, n.local); err != nil {
		return err
	}
	if n.chains, n.bundle, err = bundleOf(b.allChains(), files); err != nil {
		return err
	}
	if err := loadsOnNodes(n.chains, n.bundle); err != nil {
		return err
	}
	if n.cluster, err = a.openCluster(ctx, cfg, id); err != nil {
		return err
	}
	b.close = append(b.close, n.cluster.Close)
	b.nodes = n
	return nil
}

// staysLocal reports whether only local providers may answer a row, or says why no node
// can.
func (b *batchRun) staysLocal(ctx context.Context, inputs, given map[string]any) (local bool, err error) {
	for v := range b.variants() {
		asked, err := b.plannedAs(ctx, v, inputs, given)
		if err != nil {
			return false, err
		}
		for i := range asked {
			if asked[i].Lookup != nil {
				return false, usageError{errors.New("--nodes: the chain looks passages up in a collection of this machine; leave out --nodes")}
			}
			if b.requests == nil && slices.ContainsFunc(asked[i].Request.Messages, readsImages) {
				return false, usageError{errors.New("--nodes: the chain sends images, which are read on this machine; leave out --nodes")}
			}
			local = local || asked[i].Request.Privacy == provider.PrivacyLocal || asked[i].Stays != ""
		}
	}
	return local, nil
}

// readsImages reports whether a message has images that were read from files.
func readsImages(m provider.Message) bool {
	return slices.ContainsFunc(m.Images, func(im provider.Image) bool { return im.URL == "" })
}

// allChains are those that the rows are run with.
func (b *batchRun) allChains() []*chain.Chain {
	switch {
	case b.requests != nil:
		return nil
	case b.compare != nil:
		return b.compare.chains
	}
	return []*chain.Chain{b.chain}
}

// refuseLocal refuses to give nodes what has to stay on this machine, unless the user has
// said that nodes count as this machine.
func refuseLocal(cfg *config.Loaded, local bool) error {
	switch {
	case cfg.Offline:
		return provider.Errorf(provider.Offline, "", "", "--nodes: nodes may be on other machines, and offline mode is on")
	case (local || cfg.Privacy == config.PrivacyLocal) && !cfg.Cluster.Local:
		return &advised{
			provider.Errorf(provider.Private, "", "", "--nodes: prompts may not leave this machine (privacy: local), and nodes may be on others"),
			"if all nodes of your cluster are machines that they may go to, set `cluster: {local: true}` in your own configuration; else leave out --nodes",
		}
	}
	return nil
}

// loadsOnNodes is why nodes cannot load chains from their bundle; nil: they can.
func loadsOnNodes(names []string, bundle []byte) error {
	if len(names) == 0 {
		return nil
	}
	files, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		return err
	}
	for _, name := range names {
		_, err = chain.LoadFS(files, name)
		if errors.Is(err, template.ErrJinja2) {
			return usageError{errors.New("--nodes: the chain has templates in jinja2, which are programs, and nodes run none; leave out --nodes")}
		}
		if err != nil {
			return fmt.Errorf("--nodes: nodes cannot load the chain: %w", err)
		}
	}
	return nil
}

// workNodes has nodes run the rows. At a signal they go on without this process.
func (a *app) workNodes(ctx context.Context, b *batchRun, s *stopper, view *batchView, kept func([]batch.Outcome)) error {
	m, err := a.manifest(ctx, b, &b.spec)
	if err != nil {
		return err
	}
	said := map[string]bool{}
	began := time.Now()
	return natsqueue.Work(ctx, natsqueue.WorkConfig{
		File: b.file, Cluster: b.nodes.cluster, Manifest: m, Bundle: b.nodes.bundle, MaxErrors: b.work.maxErrors, Stop: s.done,
		TakeBack: func() bool { return s.why != "" }, Kept: kept,
		Nodes: func(nodes []natsqueue.Node) {
			view.setNodes(nodes, b.spec.ID)
			for _, text := range nodeNotices(nodes, b.spec.ID, time.Since(began)) {
				if !said[text] {
					said[text] = true
					a.term.Noticef("%s %s", a.term.Yellow("warning:"), text)
				}
			}
		},
		Trouble: func(err error) {
			if err == nil {
				a.infof("the cluster answers again")
				clear(said)
				return
			}
			if text := a.explain(err) + ". Trying again"; !said[text] {
				said[text] = true
				a.term.Noticef("%s %s", a.term.Yellow("warning:"), text)
			}
		},
	})
}

// nodeNotices say why nobody runs the rows of a batch.
func nodeNotices(nodes []natsqueue.Node, id string, since time.Duration) []string {
	var out []string
	there, works := 0, 0
	for i := range nodes {
		n := &nodes[i]
		if n.Silent {
			continue
		}
		there++
		if _, is := n.Batches[id]; is {
			works++
		}
		if why := n.Declined[id]; why != "" {
			out = append(out, terminal.OneLine(fmt.Sprintf("the node %s declines the batch: %s", n.Name, why)))
		}
	}
	switch {
	case there == 0 && since > natsqueue.BeatEvery:
		out = append(out, "no node is there; start one with `tandem node work` on a machine of the cluster")
	case works == 0 && len(out) == there && there > 0:
		out = append(out, "no node takes the batch; it waits until one does")
	}
	return out
}

// leaveCluster removes what the cluster has of a batch that is done. Where that fails, the
// batch still names the cluster, and removing the batch tries again.
func (a *app) leaveCluster(ctx context.Context, b *batchRun) error {
	c := (*natsqueue.Cluster)(nil)
	if b.nodes != nil {
		c = b.nodes.cluster
	}
	ctx = context.WithoutCancel(ctx)
	if err := a.removeFromCluster(ctx, c, b.stack.Config(), &b.spec); err != nil {
		a.term.Noticef("%s the cluster %s keeps its copy of the batch, which could not be removed: %s; `tandem batch rm %s` tries again", a.term.Yellow("warning:"), b.spec.Cluster, a.explain(err), b.spec.ID)
		return nil
	}
	b.spec.Cluster = ""
	return b.file.SetSpec(ctx, b.spec)
}

// removeFromCluster removes what a cluster has of a batch. c is the connection to it;
// nil: one is made.
func (a *app) removeFromCluster(ctx context.Context, c *natsqueue.Cluster, cfg *config.Loaded, spec *batch.Spec) error {
	var err error
	if c == nil {
		if c, err = a.openCluster(ctx, cfg, spec.Cluster); err == nil {
			defer c.Close()
		}
	}
	if err == nil {
		err = c.Remove(ctx, spec.ID)
	}
	return err
}

// nodesText is how many nodes work on a batch.
func nodesText(nodes []natsqueue.Node, id string) string {
	working, running := 0, 0
	for i := range nodes {
		if _, is := nodes[i].Batches[id]; is && !nodes[i].Silent {
			working++
			running += nodes[i].Running
		}
	}
	return strings.TrimSuffix(count(working, "node")+fmt.Sprintf(", %d running", running), ", 0 running")
}
