package cli

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/gateway/listen"
	"github.com/tandem-llm/tandem/internal/natsqueue"
)

type serveInput struct {
	listen string
	expose bool // other machines may reach the address
	json   bool // the log is of JSON
	passed bool // systemd listens
}

func (a *app) serveCommand() *cobra.Command {
	var in serveInput
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve your models to other programs",
		Long: `Serve your models to other programs: one endpoint for clients of OpenAI's, Anthropic's
and Ollama's API. It ends with Ctrl-C, or with SIGTERM, when the calls under way have
ended. ` + "`tandem connect`" + ` has the settings of your programs. It starts an Ollama that Tandem
manages when a question needs it; ` + "`tandem engine start`" + ` starts one now.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), in) },
	}
	cmd.Flags().StringVar(&in.listen, "listen", "", "listen on `ADDRESS`, such as 127.0.0.1:11500 or unix:PATH")
	cmd.Flags().BoolVar(&in.expose, "expose", false, "let other machines reach the address; every request then needs a key")
	cmd.Flags().BoolVar(&in.json, "log-json", false, "write the log of requests as JSON")
	cmd.AddCommand(a.serveKeysCommand())
	return cmd
}

func (a *app) serve(ctx context.Context, in serveInput) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	log := a.serveLog(in.json)
	settings, keys := s.Config().Gateway, a.callerStore()
	var g *gateway.Server
	nodes := natsqueue.NewObserver(func(ctx context.Context) (*natsqueue.Cluster, error) {
		return a.usedCluster(ctx, g.Exchange().Stack().Config())
	})
	g = gateway.New(gateway.Config{
		Stack: s, Explain: func(err error) string { return explainToClient(err, g.Exchange().Stack().Config()) }, Version: buildVersion().Version, Chains: a.servedChains(settings),
		Warn: log.warn, Say: log.say, Keys: keys, Cluster: nodes,
	})
	defer func() {
		_ = g.Close() // every response was committed when it was put
		g.Exchange().Stack().Close()
	}()
	stands, server, err := guarded(g, settings, keys, log.Logger)
	if err != nil {
		return err
	}
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	server.BaseContext = func(net.Listener) context.Context { return requests }
	inherited, err := listen.Inherited()
	if err != nil {
		return err
	}
	in.passed = len(inherited) > 0
	listeners, err := a.listenTo(ctx, in, settings, keys, inherited)
	if err != nil {
		return err
	}
	reloads := signalsOf(ctx).takeReloads()
	served := make(chan error, len(listeners))
	for _, l := range listeners {
		log.say("Tandem serves at " + urlOf(l.Addr()))
		go func() { served <- server.Serve(l) }()
	}
	if err := g.Start(ctx); err != nil {
		log.warn("batches that were under way: " + a.explain(err))
	}
	notify := listen.Notifier()
	notify("READY=1")
	for {
		select {
		case err = <-served:
			return errors.Join(err, server.Close())
		case <-reloads:
			a.reload(g, stands, in, log)
		case <-ctx.Done():
			notify("STOPPING=1")
			stop := stopping{server: server, g: g, endRequests: endRequests, log: log, drain: drainTime, end: endTime}
			return stop.run(ctx, served)
		}
	}
}

// servedChains is the folder of the chains that are served.
func (a *app) servedChains(cfg config.Gateway) string { return cmp.Or(cfg.Chains, a.chainsDir()) }

// reload reads the configuration again. A broken one changes nothing of what is served.
func (a *app) reload(g *gateway.Server, stands *guard.Guard, in serveInput, log *serveLog) {
	if err := a.reloaded(g, stands, in, log); err != nil {
		log.warn("the configuration was not reloaded, because the new one has a mistake: " + a.explain(err))
	}
}

func (a *app) reloaded(g *gateway.Server, stands *guard.Guard, in serveInput, log *serveLog) error {
	old := g.Exchange().Stack()
	cfg, err := a.load()
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.warn(w)
	}
	names, err := guard.ParseNames(cfg.Gateway.Hosts, cfg.Gateway.Origins)
	if err != nil {
		return err
	}
	next, err := old.Reload(cfg)
	if err != nil {
		return err
	}
	g.Use(next, a.servedChains(cfg.Gateway))
	stands.Rename(names)
	old.Close()
	log.say("reloaded the configuration")
	if was, is := listenAddress(old.Config().Gateway), listenAddress(cfg.Gateway); was != is && in.listen == "" && !in.passed {
		log.warn("gateway.listen is " + is + " now; that takes a restart")
	}
	return nil
}

// urlOf is where clients find a listener.
func urlOf(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + addr.String()
	}
	url := "http://" + addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		url += ", every " + map[bool]string{true: "IPv4 "}[tcp.IP.To4() != nil] + "address of this machine"
	}
	return url
}
