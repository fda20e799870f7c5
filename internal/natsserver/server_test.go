package natsserver

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/httpx"
)

// told is what a server says.
type told struct {
	mu  sync.Mutex
	all []string
}

func (s *told) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, text)
}

func (s *told) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, "\n")
}

func started(t *testing.T, dir, listen string) (*Server, *told) {
	t.Helper()
	say := &told{}
	s, err := Start(Config{Dir: dir, Listen: listen, Say: say.say})
	if err != nil {
		t.Fatal(err)
	}
	return s, say
}

// connected is a member's connection.
func connected(t *testing.T, s *Server, m *cluster.Member) (jetstream.JetStream, error) {
	t.Helper()
	config, err := m.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return dialed(t, s.URL(), config)
}

func dialed(t *testing.T, url string, config *tls.Config) (jetstream.JetStream, error) {
	t.Helper()
	c, err := nats.Connect(url, nats.Secure(config), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.Timeout(time.Minute))
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	return jetstream.New(c)
}

func member(t *testing.T, s *Server) *cluster.Member {
	t.Helper()
	m, err := s.Member("m")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Who has no certificate of the cluster's own authority is not let in, on this machine,
// too; and a machine joins with a token.
func TestOnlyMembersConnect(t *testing.T) {
	s, _ := started(t, t.TempDir(), "127.0.0.1:0")
	defer s.Close()
	other, _ := started(t, t.TempDir(), "127.0.0.1:0")
	defer other.Close()
	if _, err := connected(t, s, member(t, s)); err != nil {
		t.Errorf("a member: %v", err)
	}
	if _, err := connected(t, other, member(t, s)); err == nil {
		t.Error("a member of another cluster takes this server for its own")
	}
	foreign, err := member(t, other).TLS()
	if err != nil {
		t.Fatal(err)
	}
	own, err := member(t, s).TLS()
	if err != nil {
		t.Fatal(err)
	}
	foreign.RootCAs = own.RootCAs
	if _, err := dialed(t, s.URL(), foreign); err == nil {
		t.Error("a member of another cluster is let in")
	}
	own.Certificates = nil
	if _, err := dialed(t, s.URL(), own); err == nil {
		t.Error("one without a certificate is let in")
	}
	if c, err := nats.Connect(strings.Replace(s.URL(), "tls://", "nats://", 1), nats.Timeout(time.Minute)); err == nil {
		c.Close()
		t.Error("a connection that is not encrypted is let in")
	}

	if err := s.ServeJoins(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	secret, err := s.Invites().New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	at, err := cluster.JoinAddress("127.0.0.1", s.JoinPort())
	if err != nil {
		t.Fatal(err)
	}
	m, err := cluster.Join(t.Context(), cluster.Token{Address: at, CA: s.ca.Fingerprint(), Secret: secret}, "gpu1", httpx.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Cluster != "c1" || m.URL != s.URL() {
		t.Errorf("%+v, want %s", m, s.URL())
	}
	if _, err := connected(t, s, m); err != nil {
		t.Errorf("who has joined: %v", err)
	}
}

// One process serves a directory, what was stored is there at the next start, and members
// stay so.
func TestAStoreOutlivesItsServer(t *testing.T) {
	dir := t.TempDir()
	s, _ := started(t, dir, "127.0.0.1:0")
	var held *cluster.HeldError
	if second, err := Start(Config{Dir: dir, Listen: "127.0.0.1:0"}); !errors.As(err, &held) {
		t.Errorf("a second server: %v, %v", second, err)
	}
	m := member(t, s)
	js, err := connected(t, s, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err == nil {
		_, err = js.Publish(t.Context(), "s", []byte("kept"))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, _ = started(t, dir, "127.0.0.1:0")
	defer s.Close()
	m.URL = s.URL()
	if js, err = connected(t, s, m); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := stream.GetLastMsgForSubject(t.Context(), "s"); err != nil || string(msg.Data) != "kept" {
		t.Errorf("%v, %v", msg, err)
	}
}

func TestAddressesThatCannotBeServed(t *testing.T) {
	for _, listen := range []string{"", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:0:0"} {
		if s, err := Start(Config{Dir: t.TempDir(), Listen: listen}); err == nil {
			s.Close()
			t.Errorf("%q is served", listen)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if s, err := Start(Config{Dir: t.TempDir(), Listen: taken.Addr().String()}); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("another program's address: %v, %v", s, err)
	}
}
