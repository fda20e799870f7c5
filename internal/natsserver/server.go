// Package natsserver runs the server of a cluster of nodes inside this process: NATS with
// JetStream, whose every write is synced, behind mutual TLS.
package natsserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/held"
)

// Config says where a server is. Only [Config.Dir] is needed.
type Config struct {
	// Dir has the cluster's authority, its invitations and its store.
	Dir string
	// Listen is where members connect, host:port; machines join at the port after it.
	// Port 0 is any two.
	Listen string
	// Say, if not nil, is told what goes wrong, and what is mended.
	Say func(string)
	// MaxStore is the most bytes that the store may have; 0: what the disk has.
	MaxStore int64
}

// Server is a running server.
type Server struct {
	cfg  Config
	ca   *cluster.CA
	lock *held.Lock
	host string
	port int
	join net.Listener

	mu   sync.Mutex
	nats *server.Server
	over chan struct{}
	done sync.WaitGroup
}

// startTime is how long a server may take until it answers: it looks through its store
// first.
const startTime = 2 * time.Minute

// Start starts the server. A *[cluster.HeldError]: another process has its store.
func Start(cfg Config) (_ *Server, err error) {
	s := &Server{cfg: cfg, over: make(chan struct{})}
	if s.lock, err = cluster.Take(cfg.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.ca, err = cluster.OpenCA(cfg.Dir); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, err
	}
	if s.host = host; port == "0" {
		s.port = server.RANDOM_PORT
	} else if s.port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Listen, err)
	}
	if err = s.free(); err != nil {
		return nil, err
	}
	if err = s.start(); err != nil {
		return nil, err
	}
	s.done.Go(s.watch)
	return s, nil
}

// diskAlone is a limit that no disk reaches. Without one JetStream takes a share of what is
// free at its start, which is nothing on a disk that was full then.
const diskAlone = 1 << 60

func (s *Server) store() string { return filepath.Join(s.cfg.Dir, "store") }

// free returns an error where another program listens at the address: NATS would wait for it.
func (s *Server) free() error {
	l, err := net.Listen("tcp", net.JoinHostPort(s.host, strconv.Itoa(max(0, s.port)))) //nolint:noctx // it ends at once
	if err != nil {
		return fmt.Errorf("the server cannot listen at %s: %w", s.cfg.Listen, err)
	}
	return l.Close()
}

// start starts NATS, at the port of the time before where that is known.
func (s *Server) start() error {
	members, err := s.ca.ServerTLS(true)
	if err != nil {
		return err
	}
	n, err := server.NewServer(&server.Options{
		ServerName: "tandem", Host: s.host, Port: s.port, NoSigs: true, DisableJetStreamBanner: true,
		TLS: true, TLSVerify: true, TLSConfig: members, TLSTimeout: 10, AuthTimeout: 10,
		JetStream: true, StoreDir: s.store(), SyncAlways: true, JetStreamMaxStore: cmp.Or(s.cfg.MaxStore, diskAlone),
		PingInterval: 5 * time.Second, MaxPingsOut: 2,
	})
	if err != nil {
		return err
	}
	n.SetLoggerV2(&logger{s}, false, false, false)
	go n.Start()
	if !n.ReadyForConnections(startTime) {
		n.Shutdown()
		return fmt.Errorf("the server does not start at %s: is the address another program's?", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	}
	if !n.JetStreamEnabled() {
		n.Shutdown()
		return errors.New("the server's store cannot be opened")
	}
	s.mu.Lock()
	s.nats = n
	s.mu.Unlock()
	if addr, ok := n.Addr().(*net.TCPAddr); ok && s.port == server.RANDOM_PORT { // at its first start: others read it from then on
		s.port = addr.Port
	}
	return nil
}

// ServeJoins takes in machines that have an invitation, until the server is closed. id is
// the cluster's.
func (s *Server) ServeJoins(ctx context.Context, id string) (err error) {
	var listen net.ListenConfig
	port := s.port + 1
	if strings.HasSuffix(s.cfg.Listen, ":0") {
		port = 0
	}
	if s.join, err = listen.Listen(ctx, "tcp", net.JoinHostPort(s.host, strconv.Itoa(port))); err != nil {
		return err
	}
	anybody, err := s.ca.ServerTLS(false)
	if err != nil {
		return err
	}
	h := cluster.JoinHandler(s.ca, s.Invites(), id, func(host string) string {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		return "tls://" + net.JoinHostPort(name, strconv.Itoa(s.port))
	})
	web := &http.Server{Handler: h, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	s.done.Go(func() { _ = web.Serve(tls.NewListener(s.join, anybody)) }) // until the listener is closed
	s.done.Go(func() {
		<-s.over
		_ = web.Close()
	})
	return nil
}

// Invites are the invitations of the cluster.
func (s *Server) Invites() cluster.Invites { return cluster.Invites{Dir: s.cfg.Dir} }

// URL is where this machine reaches the server.
func (s *Server) URL() string {
	host := s.host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "tls://" + net.JoinHostPort(host, strconv.Itoa(s.port))
}

// JoinPort is where machines join; 0: nowhere.
func (s *Server) JoinPort() int {
	if s.join == nil {
		return 0
	}
	addr, _ := s.join.Addr().(*net.TCPAddr)
	return addr.Port
}

// Member makes this machine a member.
func (s *Server) Member(name string) (*cluster.Member, error) { return s.ca.NewMember(name, s.URL()) }

func (s *Server) say(text string) {
	if s.cfg.Say != nil {
		s.cfg.Say(text)
	}
}

// Close ends the server. What members have sent and had confirmed is stored.
func (s *Server) Close() {
	close(s.over)
	s.done.Wait()
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	s.lock.Release()
}

// logger passes on what the server warns of.
type logger struct{ s *Server }

var _ server.Logger = (*logger)(nil)

// Noticef is not passed on.
func (*logger) Noticef(string, ...any) {}

// Warnf passes on.
func (l *logger) Warnf(format string, v ...any) { l.s.say(fmt.Sprintf(format, v...)) }

// Fatalf passes on.
func (l *logger) Fatalf(format string, v ...any) { l.s.say(fmt.Sprintf(format, v...)) }

// Errorf passes on.
func (l *logger) Errorf(format string, v ...any) { l.s.say(fmt.Sprintf(format, v...)) }

// Debugf is not passed on.
func (*logger) Debugf(string, ...any) {}

// Tracef is not passed on.
func (*logger) Tracef(string, ...any) {}
