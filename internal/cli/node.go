package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "node", Short: "Run rows of batches on several machines",
		Long: `Run rows of batches on several machines. One machine serves the cluster: it keeps
rows and results. The others join it with a token. Then tandem batch --nodes has all
of them answer rows, and goes on when the machine that started it is gone. See
docs/nodes.md.`,
		Example: `  tandem node serve --listen 192.0.2.7:11510
  tandem node invite
  tandem node join
  tandem node work --slots 4
  tandem nodes`,
	}
	cmd.AddCommand(a.nodeServeCommand(), a.nodeInviteCommand(), a.nodeJoinCommand(), a.nodeWorkCommand())
	return cmd
}

// workerInput is how a machine runs rows of others.
type workerInput struct {
	name  string
	slots int
	pull  bool
}

func (in *workerInput) register(f *pflag.FlagSet, slots string) {
	f.StringVar(&in.name, "name", "", "the node's `name` (default: the machine's)")
	f.IntVar(&in.slots, "slots", 4, slots)
	f.BoolVar(&in.pull, "pull", false, "download models that a batch wants and this machine does not have")
}

func (in *workerInput) check() error {
	switch {
	case in.slots < 0 || in.slots > maxBatchAtOnce:
		return usageError{errors.New("--slots must be between 0 and 1024")}
	case in.name != "" && !config.ValidName(in.name):
		return usageError{errors.New("--name: use letters, digits, dots, dashes and underscores, at most 64")}
	}
	return nil
}

func (in *workerInput) nodeName() string {
	host, _ := os.Hostname()
	return cmp.Or(in.name, host, "node")
}

func (a *app) nodeWorkCommand() *cobra.Command {
	var in workerInput
	cmd := &cobra.Command{
		Use: "work", Short: "Run rows of the cluster's batches on this machine",
		Long: `Run rows of the cluster's batches on this machine, by its own configuration: its
providers, keys, budgets and privacy. It ends with Ctrl-C, or with SIGTERM, when the
rows being answered have ended. A chain's tools run only where --allow-tools names
them.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.nodeWork(cmd.Context(), in) },
	}
	in.register(cmd.Flags(), "run this `number` of rows at a time")
	a.tools.register(cmd.Flags())
	return cmd
}

func (a *app) nodeWork(ctx context.Context, in workerInput) error {
	if err := in.check(); err != nil {
		return err
	}
	if in.slots == 0 {
		return usageError{errors.New("--slots must be at least 1")}
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c, err := a.openCluster(ctx, cfg, "")
	if err != nil {
		return err
	}
	defer c.Close()
	return a.workAsNode(ctx, c, in)
}

// workAsNode runs rows until ctx ends and those that run have ended.
func (a *app) workAsNode(ctx context.Context, c *natsqueue.Cluster, in workerInput) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	host := &node.Host{
		Stack: s, AllowTools: a.tools.allow, Pull: in.pull, Shown: a.shownResult,
		ToolOptions: func(tools []tool.Tool) tool.Options { return a.toolOptions(tools, nil, nil) },
	}
	a.infof("%s runs up to %s at a time for the cluster %s", in.nodeName(), count(in.slots, "row"), terminal.OneLine(c.ID))
	err = node.Run(context.WithoutCancel(ctx), node.Config{
		Cluster: c, ID: store.NewID(), Name: in.nodeName(), Version: buildVersion().Version, Slots: in.slots, Accept: host.Accept, Loaded: host.Loaded,
		Explain: func(err error) string { return a.term.Secrets.Text(a.explain(err)) }, // all members read it
		Say:     func(text string) { a.infof("%s", terminal.OneLine(text)) }, Stop: ctx.Done(),
	})
	if err == nil {
		err = ctx.Err() // how it was ended
	}
	return err
}

func (a *app) nodesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "nodes", Short: "List the nodes of the cluster and what they do", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.nodes(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, an object for each node")
	return cmd
}

func (a *app) nodes(ctx context.Context, asJSON bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c, err := a.openCluster(ctx, cfg, "")
	if err != nil {
		return err
	}
	defer c.Close()
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		if nodes == nil {
			nodes = []natsqueue.Node{}
		}
		return terminal.WriteJSON(a.term.Out, nodes)
	}
	if c.Replicas < 3 {
		a.dimf("· cluster %s at %s, on one server: not highly available", terminal.OneLine(c.ID), c.URL())
	} else {
		a.dimf("· cluster %s at %s, on %d servers", terminal.OneLine(c.ID), c.URL(), c.Replicas)
	}
	if len(nodes) == 0 {
		a.infof("no node is there; start one with `tandem node work`")
		return nil
	}
	return a.printNodes(nodes)
}

func (a *app) printNodes(nodes []natsqueue.Node) error {
	t := a.term.Table("NODE", "STATE", "ROWS", "HELD", "ROWS/S", "TOKENS/S", "DONE", "FAILED", "TWICE", "SEEN", "IN MEMORY").
		MayCut("IN MEMORY", "STATE").MayDrop("TWICE", "HELD", "SEEN", "TOKENS/S", "IN MEMORY", "ROWS/S")
	var declined []string
	for i := range nodes {
		n := &nodes[i]
		t.Row(terminal.OneLine(n.Name), terminal.OneLine(n.Does()), joined(n.Running, n.Slots), n.Total.Held, perSecond(n.Rate), perSecond(n.Tokens), n.Total.Done, n.Total.Failed, n.Total.Duplicate, short(time.Since(n.Seen).Round(time.Second))+" ago", terminal.OneLine(list(n.Loaded)))
		for id, why := range n.Declined {
			declined = append(declined, terminal.OneLine(n.Name+" declines the batch "+id+": "+why))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	slices.Sort(declined)
	for _, text := range declined {
		a.dimf("· %s", text)
	}
	return nil
}

// joined is how many of a node's slots are taken.
func joined(running, slots int) string { return strconv.Itoa(running) + "/" + strconv.Itoa(slots) }

// perSecond is a rate in a cell of its own.
func perSecond(rate float64) string { return cmp.Or(strings.TrimSuffix(rateText(rate, ""), " "), "0") }

func list(names []string) string { return strings.Join(names, ", ") }
