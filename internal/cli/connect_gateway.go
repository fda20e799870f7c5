package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/connect"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// gatewayOf is the gateway that the flags and the configuration say.
func (a *app) gatewayOf(ctx context.Context, in connectInput) (g connect.Gateway, err error) {
	g = connect.Gateway{KeyEnv: in.keyEnv, Model: strings.TrimSpace(in.model), Window: in.window}
	switch {
	case g.KeyEnv != "" && !connect.IsVariable(g.KeyEnv):
		return g, usageError{errors.New("--key-env: expected the name of an environment variable, such as TANDEM_KEY, and not a key")}
	case g.Model == "" || terminal.StripControls(g.Model) != g.Model || strings.ContainsAny(g.Model, " \t"):
		return g, usageError{fmt.Errorf("--model %q: expected a model's name", in.model)}
	case g.Window < 0:
		return g, usageError{fmt.Errorf("--num-ctx %d: expected a number of tokens", in.window)}
	}
	st, err := a.open(ctx)
	if err != nil {
		return g, err
	}
	defer st.Close()
	if in.url == "" {
		if in.url, err = listenURL(st.Config().Gateway.Listen); err != nil {
			return g, err
		}
	}
	if g.URL, err = connect.ParseURL(in.url); err != nil {
		return g, usageError{fmt.Errorf("--url %q: %w", in.url, err)}
	}
	if g.Loopback() {
		return g, a.lookHere(ctx, st, in.client, &g)
	}
	return g, nil
}

// lookHere completes what is known of a gateway that is on this machine: its keys, where it
// listens, and the model.
func (a *app) lookHere(ctx context.Context, st *stack.Stack, c *connect.Client, g *connect.Gateway) error {
	keys, err := a.callerStore().List()
	if err != nil {
		return err // the gateway takes no call, either
	}
	settings := st.Config().Gateway
	g.Keys, g.Hosts = len(keys) > 0, settings.Hosts
	if host, _, err := net.SplitHostPort(settings.Listen); err == nil && host != "localhost" && host != "unix" {
		ip := net.ParseIP(host)
		g.Exposed = ip == nil || !ip.IsLoopback()
	}
	if g.Model != exchange.Default && !strings.HasPrefix(g.Model, exchange.ChainPrefix) {
		if err := a.checkModel(ctx, st, g.Model); err != nil {
			return err
		}
	}
	req := provider.Request{}
	if g.Model != exchange.Default {
		req.Use, req.Model = st.SplitModel(g.Model)
	}
	info := a.inspected(ctx, st, &req)
	g.Most = info.Context
	a.warnTools(c, g, info)
	if g.Window == 0 {
		g.Window, _ = st.Window(ctx, &req)
		a.growWindow(st, c, g)
	}
	return nil
}

// inspectTimeout is how long an engine may take to describe a model.
const inspectTimeout = 2 * time.Second

// inspected is what an engine on this machine tells of the model of a request; nothing
// where it does not run, or is elsewhere.
func (a *app) inspected(ctx context.Context, st *stack.Stack, req *provider.Request) (info provider.ModelInfo) {
	use := append(slices.Clone(req.Use), st.Config().Use...)
	if len(use) == 0 {
		return info
	}
	t, ok := st.Target(use[0])
	if !ok || !st.Here(ctx, t) {
		return info
	}
	if i, ok := provider.As[provider.Inspector](t.Provider); ok {
		ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
		defer cancel()
		if found, err := i.Inspect(ctx, cmp.Or(req.Model, t.Config.Model)); err == nil {
			return found
		}
	}
	return info
}

// warnTools notes a model that cannot use tools, and warns of it where the client needs
// them.
func (a *app) warnTools(c *connect.Client, g *connect.Gateway, info provider.ModelInfo) {
	what := cmp.Or(info.Name, g.Model)
	switch can, known := info.Can(provider.CanTools); {
	case strings.HasPrefix(g.Model, exchange.ChainPrefix):
		what = "a chain"
	case can || !known:
		return
	}
	g.NoTools = true
	if c.Tools != "" {
		a.term.Noticef("%s %s cannot use tools, and %s needs them %s; name another model with --model", a.term.Yellow("warning:"), what, c.Title, c.Tools)
	}
}

// growWindow makes the window the one that the gateway lets it grow to for the client's
// first request.
func (a *app) growWindow(st *stack.Stack, c *connect.Client, g *connect.Gateway) {
	policy := cmp.Or(st.Config().Gateway.WindowPolicy, config.WindowGrow)
	needs, short := c.Short(g.Window)
	if !short || policy != config.WindowGrow {
		return
	}
	grown := needs
	if g.Most > 0 {
		grown = min(needs, g.Most)
	}
	if grown > g.Window {
		a.infof("%s", a.term.Dim(fmt.Sprintf("· the context window grows from %d to %d tokens with the first request of %s (gateway.window_policy: grow)", g.Window, grown, c.Title)))
		g.Window = grown
	}
}

// listenURL is the address of a gateway that listens there, on this machine.
func listenURL(listen string) (string, error) {
	if listen == "" {
		listen = config.DefaultListen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil || strings.HasPrefix(listen, "unix:") {
		return "", usageError{fmt.Errorf("the gateway listens on %s, which other programs cannot use; name another address with --url", listen)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// healthTimeout is how long a gateway may take to say that it runs.
const healthTimeout = 3 * time.Second

// notServing says why no gateway can be used at an address; empty: one answers there, or
// it may not be asked.
func (a *app) notServing(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	client := httpx.PlainClient(httpx.Policy{Offline: a.flags.offline, LocalOnly: a.flags.localOnly}, healthTimeout)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/healthz", nil)
	if err != nil {
		return ""
	}
	resp, err := client.Do(req)
	if kind := provider.KindOf(err); kind == provider.Offline || kind == provider.Private {
		return ""
	}
	if err != nil {
		return "nothing answers at " + address
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return "what answers at " + address + " is not `tandem serve`"
	}
	return ""
}

// connectNotes says what to know about the connection.
func (a *app) connectNotes(ctx context.Context, s *connect.System, in connectInput, g connect.Gateway) error {
	set, err := s.Settings(in.client, g)
	if err != nil {
		return err
	}
	for _, note := range set.Notes {
		a.infof("%s", a.term.Dim("· "+note))
	}
	if g.KeyEnv != "" && a.getenv(g.KeyEnv) == "" {
		a.infof("%s", a.term.Dim("· $"+g.KeyEnv+" is not set here; set it to the key where you start "+in.client.Title))
	}
	if why := a.notServing(ctx, g.URL); why != "" {
		a.infof("%s", a.term.Dim("· "+why+"; start the gateway with `tandem serve`"))
	}
	a.warnWindow(in.client, g)
	if g.KeyEnv == "" && g.Keys {
		a.term.Noticef("%s `tandem serve` has keys, so it takes no call without one: make one with `tandem serve keys add %s`, keep it in a variable, and add --key-env with its name", a.term.Yellow("warning:"), in.client.Name)
	}
	if g.KeyEnv == "" && !g.Loopback() {
		a.term.Noticef("%s %s is not on this machine, where a gateway takes no calls without a key: add --key-env NAME", a.term.Yellow("warning:"), g.URL)
	}
	return nil
}

// warnWindow warns of a window that is too small for the client's first request.
func (a *app) warnWindow(c *connect.Client, g connect.Gateway) {
	needs, short := c.Short(g.Window)
	if !short {
		return
	}
	model := g.Model
	if model == exchange.Default {
		model = "your model"
	}
	if g.Most > 0 && g.Most < c.First {
		a.term.Noticef("%s the first request of %s has about %d tokens, and %s holds %d; name another model with --model", a.term.Yellow("warning:"), c.Title, c.First, model, g.Most)
		return
	}
	a.term.Noticef("%s the first request of %s has about %d tokens, and the context window of %s is %d; set num_ctx to %d with `tandem config edit`, and run this again",
		a.term.Yellow("warning:"), c.Title, c.First, model, g.Window, needs)
}
