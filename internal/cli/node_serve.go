package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/natsserver"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// defaultClusterListen is where a cluster's server listens; machines join at the port
// after it.
const defaultClusterListen = "127.0.0.1:11510"

type nodeServeInput struct {
	worker workerInput
	listen string
}

func (a *app) nodeServeCommand() *cobra.Command {
	var in nodeServeInput
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve a cluster: keep rows and results, and run rows here, too",
		Long: `Serve a cluster of nodes: keep the rows of batches and their results, and run rows on
this machine, too, unless --slots is 0. Only this machine reaches it unless --listen
says otherwise. Every connection is encrypted, and needs a certificate that tandem
node join gets. A cluster has one server and one copy of what it keeps: while it is
down nothing goes on.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.nodeServe(cmd.Context(), in) },
	}
	cmd.Flags().StringVar(&in.listen, "listen", defaultClusterListen, "listen on `ADDRESS:PORT`, and for machines that join on the port after it")
	in.worker.register(cmd.Flags(), "run this `number` of rows here at a time; 0: none")
	a.tools.register(cmd.Flags())
	return cmd
}

// served is what `tandem node invite` has to know of the server.
type served struct {
	Host     string `json:"host"` // it listens on
	JoinPort int    `json:"join_port"`
}

func (a *app) servedPath() string { return filepath.Join(a.clusterDir(), "served.json") }

func (a *app) nodeServe(ctx context.Context, in nodeServeInput) error {
	if err := in.worker.check(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(in.listen)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65534 {
		return usageError{fmt.Errorf("--listen %s: expected ADDRESS:PORT, such as %s", in.listen, defaultClusterListen)}
	}
	if host == "" {
		return usageError{errors.New("--listen: name the address, such as 192.0.2.7:11510, or 0.0.0.0:11510 for all")}
	}
	server, err := natsserver.Start(natsserver.Config{
		Dir: a.clusterDir(), Listen: in.listen,
		Say: func(text string) { a.term.Noticef("%s %s", a.term.Yellow("warning:"), terminal.OneLine(text)) },
	})
	var held *cluster.HeldError
	if errors.As(err, &held) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer server.Close()
	c, err := a.joinOwn(ctx, server, in.worker.nodeName())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := server.ServeJoins(ctx, c.ID); err != nil {
		return fmt.Errorf("machines could not join: %w", err)
	}
	text, err := json.Marshal(served{Host: host, JoinPort: server.JoinPort()})
	if err == nil {
		err = os.WriteFile(a.servedPath(), text, 0o600)
	}
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(a.servedPath()) }()
	a.infof("serves the cluster %s at %s%s", terminal.OneLine(c.ID), server.URL(), reachText(host))
	a.infof("one server, one copy: not highly available; while it is down nothing goes on")
	if in.worker.slots > 0 {
		return a.workAsNode(ctx, c, in.worker)
	}
	<-ctx.Done()
	return ctx.Err()
}

// reachText says who reaches an address, where that is this machine only.
func reachText(host string) string {
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return ", for this machine only; --listen ADDRESS:PORT lets others join"
	}
	return ""
}

// joinOwn makes this machine a member of the cluster that it serves, and connects to it.
func (a *app) joinOwn(ctx context.Context, server *natsserver.Server, name string) (*natsqueue.Cluster, error) {
	m, err := server.Member(name)
	if err != nil {
		return nil, err
	}
	cfg := natsqueue.Config{Options: []nats.Option{nats.SetCustomDialer(httpx.Dialer(httpx.Policy{}, 10*time.Second))}}
	if err := memberConfig(&cfg, m); err != nil {
		return nil, err
	}
	before, berr := cluster.ReadMember(a.nodesDir())
	if berr == nil && before.CA == m.CA {
		cfg.NewID = before.Cluster
	}
	c, err := natsqueue.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m.Cluster = c.ID
	switch {
	case berr == nil && before.Cluster != c.ID && before.CA != m.CA:
		a.term.Noticef("%s this machine has joined the cluster %s at %s, which its batches use; remove %s to use the one that it serves", a.term.Yellow("warning:"), terminal.OneLine(before.Cluster), terminal.OneLine(before.URL), filepath.Join(a.nodesDir(), "member.json"))
		return c, nil
	case berr != nil && !errors.Is(berr, cluster.ErrNoMember):
		c.Close()
		return nil, berr
	}
	if err := m.Write(a.nodesDir()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (a *app) nodeInviteCommand() *cobra.Command {
	var address string
	var life time.Duration
	cmd := &cobra.Command{
		Use: "invite", Short: "Print a token with which one machine can join the cluster that this one serves",
		Long: `Print a token with which one machine can join the cluster that this one serves. It
works once, within --expires, and is shown only now. Who has it can submit batches
and read those of others: pass it on as you would a password.`,
		Args: exactArgs(),
		RunE: func(_ *cobra.Command, _ []string) error { return a.nodeInvite(address, life) },
	}
	cmd.Flags().StringVar(&address, "address", "", "the `HOST` that the other machine reaches this one by (default: where it listens)")
	cmd.Flags().DurationVar(&life, "expires", time.Hour, "how long the token works")
	return cmd
}

func (a *app) nodeInvite(address string, life time.Duration) error {
	if life <= 0 || life > 30*24*time.Hour {
		return usageError{errors.New("--expires must be more than 0, and at most 720h")}
	}
	data, err := os.ReadFile(a.servedPath())
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{errors.New("this machine serves no cluster now; start one with `tandem node serve`")}
	}
	var s served
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return err
	}
	if address == "" {
		address = s.Host
		if ip, err := netip.ParseAddr(address); err == nil && ip.IsUnspecified() {
			if address, err = os.Hostname(); err != nil {
				return usageError{errors.New("say how the other machine reaches this one: add --address HOST")}
			}
		}
	}
	at, err := cluster.JoinAddress(address, s.JoinPort)
	if err != nil {
		return usageError{fmt.Errorf("--address: %w", err)}
	}
	ca, err := cluster.OpenCA(a.clusterDir())
	if err != nil {
		return err
	}
	secret, err := cluster.Invites{Dir: a.clusterDir()}.New(life)
	if err != nil {
		return err
	}
	t := cluster.Token{Address: at, CA: ca.Fingerprint(), Secret: secret}
	if text := reachText(address); text != "" {
		a.term.Noticef("%s the cluster is served%s", a.term.Yellow("warning:"), text)
	}
	a.dimf("· works once, within %s; on the other machine: tandem node join", short(life))
	_, err = fmt.Fprintln(a.term.Out, t)
	return err
}

func (a *app) nodeJoinCommand() *cobra.Command {
	var in joinInput
	cmd := &cobra.Command{
		Use: "join", Short: "Join a cluster with a token of `tandem node invite`",
		Long: `Join a cluster with a token of tandem node invite. Tandem asks for it without showing
it, or reads it from standard input or --token-file. The machine makes a key, which
stays here, and gets a certificate for it. Then tandem node work runs rows here, and
tandem batch --nodes submits batches. Where the machine is in that cluster already,
nothing is done, and the token can still be used.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.nodeJoin(cmd.Context(), in) },
	}
	cmd.Flags().StringVar(&in.name, "name", "", "the machine's `name` in its certificate (default: its own)")
	cmd.Flags().StringVar(&in.tokenFile, "token-file", "", "read the token from `FILE`, such as a mounted secret")
	cmd.Flags().BoolVar(&in.replace, "replace", false, "leave the cluster that this machine has joined before")
	return cmd
}

type joinInput struct {
	name      string
	tokenFile string
	replace   bool
}

// joinToken is the token's text.
func (a *app) joinToken(ctx context.Context, file string) (text string, err error) {
	if file == "" {
		text, err = a.readSecret(ctx, "Join token", "the join token")
	} else {
		var data []byte
		data, err = files.Read(file, maxKeyInput)
		text = string(data)
	}
	a.term.Secrets.Add(strings.Fields(text)...)
	return text, err
}

func (a *app) nodeJoin(ctx context.Context, in joinInput) error {
	text, err := a.joinToken(ctx, in.tokenFile)
	if err != nil {
		return err
	}
	t, err := cluster.ParseToken(text)
	if err != nil {
		return usageError{fmt.Errorf("%w; get one with `tandem node invite` on the machine that serves the cluster", err)}
	}
	switch before, err := cluster.ReadMember(a.nodesDir()); {
	case in.replace, errors.Is(err, cluster.ErrNoMember):
	case err != nil:
		return err
	case before.Of(t):
		if _, err := before.TLS(); err == nil { // else it joins anew, as where its certificate has expired
			a.infof("this machine is in the cluster %s at %s already", terminal.OneLine(before.Cluster), terminal.OneLine(before.URL))
			return nil
		}
	default:
		return usageError{fmt.Errorf("this machine has joined the cluster %s at %s; add --replace to leave it", terminal.OneLine(before.Cluster), terminal.OneLine(before.URL))}
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	m, err := cluster.Join(ctx, t, (&workerInput{name: in.name}).nodeName(), httpx.Policy{Offline: cfg.Offline})
	if err != nil {
		return err
	}
	if err := m.Write(a.nodesDir()); err != nil {
		return err
	}
	a.infof("joined the cluster %s at %s; `tandem node work` runs rows here", terminal.OneLine(m.Cluster), terminal.OneLine(m.URL))
	return nil
}
