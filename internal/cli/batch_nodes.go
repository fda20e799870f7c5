package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
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
	chain   string // the chain's file, in the bundle
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

// useNodes prepares that nodes run the rows, or says why they cannot. It looks at the
// first row.
func (a *app) useNodes(ctx context.Context, b *batchRun, file string, rows iter.Seq2[table.Row, error], given map[string]any) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		vars := maps.Clone(row.Inputs)
		maps.Copy(vars, given)
		return a.openNodes(ctx, b, file, vars, "")
	}
	return usageError{errors.New("no row is left to run")}
}

// openNodes prepares that nodes run rows such as one with these inputs; nil: none is left.
func (a *app) openNodes(ctx context.Context, b *batchRun, file string, vars map[string]any, id string) error {
	sources, err := a.answers.options()
	switch {
	case err != nil:
		return err
	case sources.Record != "" || sources.Replay != "" || sources.Cache != nil && *sources.Cache:
		return usageError{errors.New("--nodes goes with neither --record, --replay nor --cache")}
	}
	n := &nodesRun{}
	var asked []chain.Planned
	if vars != nil {
		if asked, err = b.planned(ctx, vars); err != nil {
			return err
		}
	}
	for i := range asked {
		if asked[i].Lookup != nil {
			return usageError{errors.New("--nodes: the chain looks passages up in a collection of this machine; leave out --nodes")}
		}
		for _, m := range asked[i].Request.Messages {
			if slices.ContainsFunc(m.Images, func(im provider.Image) bool { return im.URL == "" }) {
				return usageError{errors.New("--nodes: the chain sends images, which are read on this machine; leave out --nodes")}
			}
		}
		n.local = n.local || asked[i].Request.Privacy == provider.PrivacyLocal || asked[i].Stays != ""
	}
	cfg := b.stack.Config()
	if err := refuseLocal(cfg, n.local); err != nil {
		return err
	}
	if n.chain, n.bundle, err = bundleOf(b.chain, file); err != nil {
		return err
	}
	if err := loadsOnNodes(n.chain, n.bundle); err != nil {
		return err
	}
	if n.cluster, err = a.openCluster(ctx, cfg, id); err != nil {
		return err
	}
	b.close = append(b.close, n.cluster.Close)
	b.nodes = n
	return nil
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

// bundleOf is a chain's files as a ZIP file, always the same for the same files, and the
// name of its own in there.
func bundleOf(c *chain.Chain, file string) (name string, data []byte, err error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, path := range append([]string{file}, c.Files()...) {
		if i > 0 && path == file {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", nil, err
		}
		rel, err := filepath.Rel(filepath.Dir(file), path)
		if err != nil {
			return "", nil, err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: filepath.ToSlash(rel), Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			return "", nil, err
		}
	}
	err = w.Close()
	return filepath.Base(file), out.Bytes(), err
}

// loadsOnNodes is why nodes cannot load a chain from its bundle; nil: they can.
func loadsOnNodes(name string, bundle []byte) error {
	files, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		return err
	}
	_, err = chain.LoadFS(files, name)
	if errors.Is(err, template.ErrJinja2) {
		return usageError{errors.New("--nodes: the chain has templates in jinja2, which are programs, and nodes run none; leave out --nodes")}
	}
	if err != nil {
		return fmt.Errorf("--nodes: nodes cannot load the chain: %w", err)
	}
	return nil
}

// resumeNodes opens the cluster that has the rows of a batch, or takes them back where
// they are to run here from now on.
func (a *app) resumeNodes(ctx context.Context, b *batchRun, spec *batch.Spec) error {
	if spec.Cluster == "" && !b.work.nodes {
		return nil
	}
	var first map[string]any // inputs of a row that is left
	for _, rows := range []iter.Seq2[batch.Item, error]{b.file.Pending(ctx), b.file.Handed(ctx)} {
		for item, err := range rows {
			if err != nil {
				return err
			}
			first = item.Inputs
			break
		}
	}
	err := a.openNodes(ctx, b, spec.Chain.File, first, spec.Cluster)
	if err == nil && spec.Cluster == "" {
		spec.Cluster = b.clusterID()
		return b.file.SetSpec(ctx, *spec)
	}
	if b.work.nodes || spec.Cluster == "" {
		return err
	}
	// --nodes=false
	if err == nil {
		stop := make(chan struct{})
		close(stop)
		err = natsqueue.Work(ctx, natsqueue.WorkConfig{File: b.file, Cluster: b.nodes.cluster, Manifest: a.manifest(b, spec), Bundle: b.nodes.bundle, Stop: stop, TakeBack: func() bool { return true }})
	}
	if err == nil {
		err = b.nodes.cluster.Remove(ctx, spec.ID)
	}
	if err != nil {
		a.term.Noticef("%s the rows could not be taken back from the cluster %s, so its nodes may answer them, too: %s", a.term.Yellow("warning:"), spec.Cluster, a.explain(err))
	}
	if _, err := b.file.TakeBack(ctx); err != nil {
		return err
	}
	b.nodes, spec.Cluster = nil, ""
	return b.file.SetSpec(ctx, *spec)
}

// manifest is what nodes have to know of the batch.
func (a *app) manifest(b *batchRun, spec *batch.Spec) natsqueue.Manifest {
	cfg := b.stack.Config()
	host, _ := os.Hostname()
	m := natsqueue.Manifest{
		ID: spec.ID, Created: spec.Created, Tandem: buildVersion().Version, Host: host, Chain: b.nodes.chain, Defaults: b.job.Defaults, Strict: b.job.Strict,
		Local: b.nodes.local || cfg.Privacy == config.PrivacyLocal, Tools: b.chain.Tools(), BudgetUSD: cfg.Budget.PerRun,
	}
	use := cfg.Use
	if len(m.Defaults.Use) > 0 {
		use = m.Defaults.Use
	}
	// The providers that may answer are those of the batch, whatever a node prefers.
	m.Defaults.Use = use
	own := len(use) == 1 && m.Defaults.Model == ""
	if own {
		m.Defaults.Model = b.stack.Model(context.Background(), use[0])
	}
	for _, name := range slices.Concat(use, b.chain.Providers()) {
		t, ok := b.stack.Target(name)
		if !ok || slices.ContainsFunc(m.Providers, func(p natsqueue.Provider) bool { return p.Name == name }) {
			continue
		}
		p := natsqueue.Provider{Name: name, Kind: t.Config.Kind, Model: t.Config.Model}
		if len(use) == 1 && name == use[0] {
			p.Model = "" // each request names it
		}
		m.Providers = append(m.Providers, p)
	}
	return m
}

// workNodes has nodes run the rows. At a signal they go on without this process.
func (a *app) workNodes(ctx context.Context, b *batchRun, s *stopper, view *batchView, kept func([]batch.Outcome)) error {
	said := map[string]bool{}
	began := time.Now()
	return natsqueue.Work(ctx, natsqueue.WorkConfig{
		File: b.file, Cluster: b.nodes.cluster, Manifest: a.manifest(b, &b.spec), Bundle: b.nodes.bundle, MaxErrors: b.work.maxErrors, Stop: s.done,
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
			if text := "the cluster does not answer, and is asked again: " + clusterText(err); !said[text] {
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
			out = append(out, terminal.OneLine(fmt.Sprintf("the node %s declines the batch: %s", n.Name, clusterText(errors.New(why)))))
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

// leaveCluster removes what the cluster has of a batch that is done.
func (a *app) leaveCluster(ctx context.Context, b *batchRun) {
	c := (*natsqueue.Cluster)(nil)
	if b.nodes != nil {
		c = b.nodes.cluster
	}
	a.removeFromCluster(ctx, c, b.stack.Config(), &b.spec)
}

// removeFromCluster removes what a cluster has of a batch. c is the connection to it;
// nil: one is made.
func (a *app) removeFromCluster(ctx context.Context, c *natsqueue.Cluster, cfg *config.Loaded, spec *batch.Spec) {
	ctx = context.WithoutCancel(ctx)
	var err error
	if c == nil {
		if c, err = a.openCluster(ctx, cfg, spec.Cluster); err == nil {
			defer c.Close()
		}
	}
	if err == nil {
		err = c.Remove(ctx, spec.ID)
	}
	if err != nil {
		a.term.Noticef("%s the cluster %s keeps its copy of the batch, which could not be removed: %s; `tandem batch rm %s` tries again", a.term.Yellow("warning:"), spec.Cluster, clusterText(err), spec.ID)
	}
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
