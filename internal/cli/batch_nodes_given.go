package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/stack"
)

// bundleOf is the files of chains as a ZIP file, always the same for the same files, and
// the names of the chains' own in there. Several chains have a directory each.
func bundleOf(chains []*chain.Chain, files []string) (names []string, data []byte, err error) {
	if len(chains) == 0 {
		return nil, nil, nil
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, c := range chains {
		dir := ""
		if len(chains) > 1 {
			dir = strconv.Itoa(i)
		}
		if err := addChain(w, dir, c, files[i]); err != nil {
			return nil, nil, err
		}
		names = append(names, path.Join(dir, filepath.Base(files[i])))
	}
	err = w.Close()
	return names, out.Bytes(), err
}

func addChain(w *zip.Writer, dir string, c *chain.Chain, file string) error {
	for i, name := range append([]string{file}, c.Files()...) {
		if i > 0 && name == file {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(filepath.Dir(file), name)
		if err != nil {
			return err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: path.Join(dir, filepath.ToSlash(rel)), Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// manifest is what nodes have to know of the batch.
func (a *app) manifest(ctx context.Context, b *batchRun, spec *batch.Spec) (natsqueue.Manifest, error) {
	cfg := b.stack.Config()
	host, _ := os.Hostname()
	m := natsqueue.Manifest{
		ID: spec.ID, Created: spec.Created, Tandem: buildVersion().Version, Host: host,
		Local: b.nodes.local || cfg.Privacy == config.PrivacyLocal, BudgetUSD: cfg.Budget.PerRun,
	}
	w := &wanted{ctx: ctx, stack: b.stack}
	if b.requests != nil {
		m.Defaults, m.Models = b.requests.defaults, map[string]natsqueue.Model{}
		for name, t := range b.requests.targets {
			m.Models[name] = natsqueue.Model{Use: t.Use, Model: w.add(t.Use, t.Model)}
		}
		m.Providers = w.providers
		return m, nil
	}
	m.Defaults, m.Strict, m.Tools = b.job.Defaults, b.job.Strict, b.chain.Tools()
	// The providers that may answer are those of the batch, whatever a node prefers.
	if len(m.Defaults.Use) == 0 {
		m.Defaults.Use = cfg.Use
	}
	var err error
	if b.compare == nil {
		m.Chain = b.nodes.chains[0]
		m.Defaults.Model = w.add(m.Defaults.Use, m.Defaults.Model)
	} else if m.Plan, err = b.nodesPlan(w, m.Defaults.Use); err != nil {
		return m, err
	}
	for _, c := range b.allChains() {
		for _, name := range c.Providers() {
			if w.at(name) < 0 {
				w.put(name, false) // a step may leave its model to it
			}
		}
	}
	m.Providers = w.providers
	return m, nil
}

// nodesPlan is what nodes have to know of a comparison. use are the providers of variants
// that name none.
func (b *batchRun) nodesPlan(w *wanted, use []string) (json.RawMessage, error) {
	p := compare.Plan{Variants: slices.Clone(b.compare.plan.Variants), Chains: b.nodes.chains, Repeats: b.compare.plan.Repeats}
	for i := range p.Variants {
		v := &p.Variants[i]
		if len(v.Use) > 0 {
			v.Model = w.add(v.Use, v.Model)
		} else {
			w.add(use, v.Model)
		}
	}
	return json.Marshal(p)
}

// wanted are the providers that nodes need to have for a batch.
type wanted struct {
	ctx       context.Context
	stack     *stack.Stack
	providers []natsqueue.Provider
}

// add adds those that are asked for a model, and returns the name of that model: of one
// provider, its own where none was named. Where several may answer by their own models,
// nodes have to have the same.
func (w *wanted) add(use []string, model string) string {
	if len(use) == 1 && model == "" {
		model = w.stack.Model(w.ctx, use[0])
	}
	for _, name := range use {
		w.put(name, len(use) == 1)
	}
	return model
}

// put adds a provider. named: each request names its model.
func (w *wanted) put(name string, named bool) {
	t, ok := w.stack.Target(name)
	if !ok {
		return
	}
	p := natsqueue.Provider{Name: name, Kind: t.Config.Kind, Model: t.Config.Model}
	if named {
		p.Model = ""
	}
	switch at := w.at(name); {
	case at < 0:
		w.providers = append(w.providers, p)
	case p.Model != "":
		w.providers[at].Model = p.Model
	}
}

// at is where a provider is among those so far; less than 0: it is not.
func (w *wanted) at(name string) int {
	return slices.IndexFunc(w.providers, func(p natsqueue.Provider) bool { return p.Name == name })
}

// withNodes reports whether nodes run the rows of a batch that continues: those that have
// them, or that a flag names. --nodes=false takes the rows back.
func withNodes(b *batchRun, given []string) bool {
	for _, arg := range slices.Backward(given) {
		if flagOf(arg) == "nodes" {
			return arg == "--nodes=true"
		}
	}
	return b.spec.Cluster != "" || b.work.nodes
}

// resumeNodes opens the cluster that has the rows of a batch, or takes them back where
// they are to run here from now on. files are the chains'.
func (a *app) resumeNodes(ctx context.Context, b *batchRun, files []string, spec *batch.Spec) error {
	switch {
	case !b.work.nodes && spec.Cluster == "":
		return nil
	case !b.work.nodes: // --nodes=false
		if err := a.takeBack(ctx, b.stack.Config(), b.file, true); err != nil {
			a.term.Noticef("%s the rows could not be taken back from the cluster %s, so its nodes may answer them, too: %s", a.term.Yellow("warning:"), spec.Cluster, a.explain(err))
		}
		if _, err := b.file.TakeBack(ctx); err != nil {
			return err
		}
		spec.Cluster = ""
		spec.Args = slices.DeleteFunc(slices.Clone(spec.Args), func(arg string) bool { return flagOf(arg) == "nodes" })
		return b.file.SetSpec(ctx, *spec)
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
	if err := a.openNodes(ctx, b, files, first, spec.Given, spec.Cluster); err != nil || spec.Cluster != "" {
		return err
	}
	spec.Cluster = b.clusterID()
	return b.file.SetSpec(ctx, *spec)
}

// cancelNodes takes the rows of a batch back from its cluster, which nobody collects.
func (a *app) cancelNodes(ctx context.Context, file *batch.File) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	return a.takeBack(ctx, cfg, file, false)
}

// takeBack takes the rows of a batch back from its cluster, and stores what has been
// answered. With remove the cluster keeps nothing of it.
func (a *app) takeBack(ctx context.Context, cfg *config.Loaded, file *batch.File, remove bool) error {
	spec := file.Spec()
	c, err := a.openCluster(ctx, cfg, spec.Cluster)
	if err != nil {
		return err
	}
	defer c.Close()
	a.setBatchStatus("· waiting for the rows that nodes are answering")
	defer a.setBatchStatus("")
	if err := natsqueue.TakeBack(ctx, file, c); err != nil || !remove {
		return err
	}
	return c.Remove(ctx, spec.ID)
}
