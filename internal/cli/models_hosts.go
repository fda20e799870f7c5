package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/pool"
)

func (a *app) modelsHostsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hosts", Short: "List the hosts of providers that have several, or drain one",
		Long: "List the hosts of providers that have several (`hosts:` in the configuration), as\n`tandem models hosts list` does, or have one take no new calls.",
	}
	bareLists(cmd, func(ctx context.Context) error { return a.modelsHosts(ctx, nil, false) })
	cmd.AddCommand(a.hostsListCommand(), a.hostsDrainCommand(true), a.hostsDrainCommand(false))
	return cmd
}

func (a *app) hostsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [PROVIDER]", Aliases: []string{"ls"}, Short: "List the hosts, and how they are",
		Long: "Ask every host of PROVIDER, or of all providers with several hosts, how it is.",
		Args: atMostOne("a provider's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.modelsHosts(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

// providerHost is a host of a provider, as `models hosts list --json` prints it.
type providerHost struct {
	Provider string `json:"provider"`
	pool.Status
	// Others are what other processes have found out about it.
	Others []stack.HostReport `json:"other_processes,omitempty"`
}

func (a *app) modelsHosts(ctx context.Context, names []string, asJSON bool) error {
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	for _, name := range names {
		t, err := target(st, name)
		if err != nil {
			return err
		}
		if len(t.Config.Hosts) == 0 {
			return usageError{fmt.Errorf("%s has one address, %s; several are `hosts` in the configuration", name, addressOf(t.Config))}
		}
	}
	all := []providerHost{}
	for _, t := range st.Targets {
		p, ok := st.Pool(t.Config.Name)
		if !ok || len(names) > 0 && names[0] != t.Config.Name {
			continue
		}
		for _, s := range p.Look(ctx) {
			all = append(all, providerHost{t.Config.Name, s, st.HostReports(t.Config.Name, s.Host)})
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, all)
	}
	if len(all) == 0 {
		a.infof("no provider has several hosts; `hosts` in the configuration gives it some")
		return nil
	}
	w := a.term.Table("HOST", "STATE", "IN MEMORY", "MODELS", "REASON")
	for _, h := range all {
		var loaded []string
		for _, m := range h.Loaded {
			loaded = append(loaded, terminal.StripControls(m.Name))
		}
		models := ""
		if h.Models > 0 {
			models = fmt.Sprint(h.Models)
		}
		w.Row(h.Provider+"/"+h.Host, string(h.State), strings.Join(loaded, ", "), models, terminal.OneLine(hostReason(&h, time.Now())))
	}
	return w.Flush()
}

// hostReason is why a host is as it is, and what other processes have against it.
func hostReason(h *providerHost, now time.Time) string {
	var parts []string
	if h.Reason != "" {
		parts = append(parts, h.Reason)
	}
	for i := range h.Others {
		o := &h.Others[i]
		who := fmt.Sprintf("process %d", o.PID)
		for _, r := range o.Refusals {
			if now.Before(r.Until) {
				parts = append(parts, fmt.Sprintf("%s: it refuses %s: %s; next try in %s", who, r.Model, r.Kind.Error(), short(r.Until.Sub(now).Round(time.Second))))
			}
		}
		switch f := o.LastFailure; {
		case now.Before(o.BreakerUntil):
			parts = append(parts, fmt.Sprintf("%s: its circuit breaker is open; next try in %s", who, short(o.BreakerUntil.Sub(now).Round(time.Second))))
		case f != nil && o.Good(now):
			parts = append(parts, fmt.Sprintf("%s: it failed a call %s ago: %s", who, short(now.Sub(f.At).Round(time.Second)), f.Kind.Error()))
		}
	}
	return strings.Join(parts, "; ")
}

func (a *app) hostsDrainCommand(drain bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "drain HOST", Short: "Have a host take no new calls",
		Long: "Have HOST, such as gpu2 or gpu2:11434, take no new calls, from any process of yours.\nCalls under way go on. `tandem models hosts undrain HOST` ends that.",
		Args: exactArgs("a host"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.setDrained(cmd.Context(), args[0], drain) },
	}
	if !drain {
		cmd.Use, cmd.Short = "undrain HOST", "Have a drained host take calls again"
		cmd.Long = "Have HOST take calls again, after `tandem models hosts drain HOST`."
	}
	return cmd
}

func (a *app) setDrained(ctx context.Context, arg string, drain bool) error {
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	name, host, err := findHost(st, arg)
	if err != nil {
		return err
	}
	changed, err := st.SetDrained(name, host, drain)
	switch who := name + "/" + host; {
	case err != nil:
		return err
	case !changed && drain:
		a.infof("%s is drained already", who)
	case !changed:
		a.infof("%s is not drained", who)
	case drain:
		a.infof("%s takes no new calls; `tandem models hosts undrain %s` ends that", who, arg)
	default:
		a.infof("%s takes calls again", who)
	}
	return nil
}

// findHost is the host that an argument names: gpu2:11434, house/gpu2:11434, or gpu2
// where only one has that name.
func findHost(st *stack.Stack, arg string) (name, host string, err error) {
	var all, found []string
	for _, t := range st.Targets {
		for _, h := range t.Config.HostNames() {
			full := t.Config.Name + "/" + h
			all = append(all, full)
			short, _, err := net.SplitHostPort(h)
			if arg == full || arg == h || err == nil && arg == short {
				found = append(found, full)
				name, host = t.Config.Name, h
			}
		}
	}
	switch {
	case len(all) == 0:
		return "", "", usageError{errors.New("no provider has several hosts; `hosts` in the configuration gives it some")}
	case len(found) == 0:
		return "", "", usageError{fmt.Errorf("there is no host %q; there are: %s", arg, strings.Join(all, ", "))}
	case len(found) > 1:
		return "", "", usageError{fmt.Errorf("%q may be %s; name one", arg, strings.Join(found, " or "))}
	}
	return name, host, nil
}

// pools are the providers with several hosts.
func pools(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, p := range cfg.Providers {
		if len(p.Hosts) > 0 {
			out = append(out, described(p.Name, addressOf(p)))
		}
	}
	return out
}

// hostNames are the hosts of all providers, for completion.
func hostNames(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, p := range cfg.Providers {
		for _, h := range p.HostNames() {
			out = append(out, described(h, p.Name))
		}
	}
	return out
}
