package stack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// policy is which addresses the transports dial, and which are this machine.
func (s *Stack) policy() httpx.Policy {
	return httpx.Policy{Offline: s.cfg.Offline, LocalNetworks: s.cfg.LocalNetworks}
}

// local tells whether a target is on this machine and runs its models there,
// when that matters. Of an OpenAI-compatible server on this machine the user has
// to say it, and its answers not to contradict it.
func (s *Stack) local(t *Configured) func(context.Context) bool {
	here := s.here(t.Endpoint)
	return func(ctx context.Context) bool { return !t.mayPassOn() && here(ctx) }
}

// mayPassOn reports whether a target is a server that is not known to
// runs its models itself, or whose answers say otherwise.
func (t *Configured) mayPassOn() bool {
	return t.Config.Kind == config.KindOpenAI && (!t.Config.Local || t.through() != "")
}

// notLocal is the target's NotLocal.
func (s *Stack) notLocal(t *Configured) func(context.Context) (why, remedy string) {
	here := s.here(t.Endpoint)
	return func(ctx context.Context) (why, remedy string) {
		switch {
		case len(t.Config.Hosts) > 0 && !here(ctx):
			return s.elsewhere(ctx, t)
		case !t.mayPassOn() || !here(ctx):
			return "", ""
		case t.Config.Local:
			return fmt.Sprintf("%s passes prompts on to another machine: it has answered through %s", t.Endpoint, t.through()), "remove `local: true` from the provider " + t.Config.Name
		}
		return t.Endpoint + " may pass prompts on to another machine", "if it runs its models here, " + s.cfg.LocalRemedy(t.Config.Name)
	}
}

// Here reports whether a target is on this machine, and runs its models there.
func (s *Stack) Here(ctx context.Context, t Configured) bool {
	return t.notLocal != nil && s.local(&t)(ctx)
}

// NotLocal says why a server on this machine does not count as such, and what to
// do about it; nothing of any other.
func (t *Configured) NotLocal(ctx context.Context) (why, remedy string) { return t.notLocal(ctx) }

// mustStay is the error of a target that may not be given what, such as "the
// question", where that must not leave this machine or offline mode is on; nil
// if the target is on it.
func (s *Stack) mustStay(ctx context.Context, t *Configured, model, what string, private bool) error {
	if !private && !s.cfg.Offline || s.local(t)(ctx) {
		return nil
	}
	why, remedy := t.NotLocal(ctx)
	if why == "" {
		why = "not on this machine"
	}
	if remedy != "" {
		remedy = "; " + remedy
	}
	if private {
		return provider.Errorf(provider.Private, t.Config.Name, model, "%s, and %s may not leave it (privacy: local)%s", why, what, remedy)
	}
	return provider.Errorf(provider.Offline, t.Config.Name, model, "%s, and offline mode is on%s", why, remedy)
}

// here tells whether what listens at an endpoint is on this machine, at each of several.
func (s *Stack) here(endpoint string) func(context.Context) bool {
	policy, all := s.policy(), strings.Split(endpoint, ", ")
	return func(ctx context.Context) bool {
		return !slices.ContainsFunc(all, func(e string) bool { return !policy.LocalEndpoint(ctx, e) })
	}
}

// elsewhere says which host of a target is not on this machine, where others are.
func (s *Stack) elsewhere(ctx context.Context, t *Configured) (why, remedy string) {
	policy, all := s.policy(), t.endpoints()
	for i, e := range all {
		if !policy.LocalEndpoint(ctx, e) {
			return "its host " + t.Config.HostNames()[i] + " is not on this machine", "prompts stay here only where each host of " + t.Config.Name + " is"
		}
	}
	return "", ""
}

// endpoints are where a target's prompts may go.
func (t *Configured) endpoints() []string { return strings.Split(t.Endpoint, ", ") }

// loopbackHost is the host:port of an endpoint that is this machine by its
// very name.
func loopbackHost(endpoint string) (string, bool) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" {
		return "", false
	}
	if u.Hostname() == "localhost" {
		return net.JoinHostPort("127.0.0.1", u.Port()), true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Host, err == nil && a.IsLoopback()
}
