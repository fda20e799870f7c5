package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// house is a cluster's authority, and a server at which machines join.
type house struct {
	ca      *CA
	invites Invites
	addr    string
	later   atomic.Int64 // how far the server's clock is ahead
	mu      sync.Mutex
	heard   []byte // all bodies
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{}
	dir := t.TempDir()
	h.invites = Invites{Dir: dir, Now: func() time.Time { return time.Now().Add(time.Duration(h.later.Load())) }}
	var err error
	if h.ca, err = OpenCA(dir); err != nil {
		t.Fatal(err)
	}
	anybody, err := h.ca.ServerTLS(false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	join := JoinHandler(h.ca, h.invites, "c1", func(string) string { return "tls://127.0.0.1:1" })
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.heard = append(h.heard, body...)
		h.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		join.ServeHTTP(w, r)
	})}
	go func() { _ = web.Serve(tls.NewListener(l, anybody)) }()
	t.Cleanup(func() { _ = web.Close() })
	h.addr = l.Addr().String()
	return h
}

func (h *house) token(t *testing.T) Token {
	t.Helper()
	secret, err := h.invites.New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return Token{Address: h.addr, CA: h.ca.Fingerprint(), Secret: secret}
}

func join(t *testing.T, token Token) (*Member, error) {
	t.Helper()
	return Join(t.Context(), token, "gpu1", httpx.Policy{})
}

func TestATokenWorksOnce(t *testing.T) {
	h := newHouse(t)
	token := h.token(t)
	back, err := ParseToken(" " + token.String() + "\n")
	if err != nil || back != token {
		t.Fatalf("%+v, %v", back, err)
	}
	m, err := join(t, back)
	if err != nil {
		t.Fatal(err)
	}
	if m.Cluster != "c1" || m.URL != "tls://127.0.0.1:1" || m.CA != string(h.ca.PEM()) {
		t.Errorf("%+v", m)
	}
	h.mu.Lock()
	if len(h.heard) == 0 || bytes.Contains(h.heard, []byte("PRIVATE KEY")) {
		t.Errorf("the server heard %q", h.heard)
	}
	h.mu.Unlock()
	if _, err := join(t, token); err == nil || !strings.Contains(err.Error(), "the join token was used already") {
		t.Errorf("again: %v", err)
	}
	stored, err := os.ReadFile(filepath.Join(h.invites.Dir, "invites.json"))
	if err != nil || strings.Contains(string(stored), token.Secret) {
		t.Errorf("%s, %v", stored, err)
	}
	// What is kept reads back as it was, and nobody else may read it.
	dir := t.TempDir()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	kept, err := ReadMember(dir)
	if err != nil || *kept != *m {
		t.Errorf("%+v, %v", kept, err)
	}
	if info, err := os.Stat(memberPath(dir)); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Of machines that use a token at the same moment one joins.
func TestATokenWorksOnceForAllAtOnce(t *testing.T) {
	h := newHouse(t)
	token := h.token(t)
	var joined atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := join(t, token); err == nil {
				joined.Add(1)
			}
		})
	}
	all.Wait()
	if joined.Load() != 1 {
		t.Errorf("%d machines joined", joined.Load())
	}
}

func TestTokensThatDoNotWork(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	for _, c := range []struct {
		name   string
		change func(*Token)
		want   string
	}{
		{"a wrong secret", func(k *Token) { k.Secret = "wrong" }, "the join token was used already, has expired, or is not of this cluster"},
		{"one that has expired", func(*Token) { h.later.Store(int64(2 * time.Hour)) }, "has expired"},
		{"of another cluster, at this one", func(k *Token) { k.Secret = other.token(t).Secret }, "is not of this cluster"},
		{"another server in its place", func(k *Token) { k.Address = other.addr }, "the server's certificate is not of the cluster that the join token is of"},
		{"a fingerprint that is changed", func(k *Token) { k.CA = strings.Repeat("0", len(k.CA)) }, "not of the cluster"},
		{"nobody there", func(k *Token) { k.Address = "127.0.0.1:1" }, "asking 127.0.0.1:1 to join: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer h.later.Store(0)
			token := h.token(t)
			c.change(&token)
			if m, err := join(t, token); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	for _, text := range []string{"", "tandem-join-", "tandem-join-e30", "tandem-join-!!", "sk-abc", h.token(t).String()[:40]} {
		if _, err := ParseToken(text); err == nil {
			t.Errorf("%q is read as a token", text)
		}
	}
}

// A request that cannot be signed uses no invitation up.
func TestARequestThatCannotBeSigned(t *testing.T) {
	h := newHouse(t)
	token := h.token(t)
	client := httpx.NewTransport(httpx.Options{TLS: &tls.Config{InsecureSkipVerify: true}}).Client() //nolint:gosec // the test's own server
	for body, want := range map[string]int{
		"no JSON": 400, `{"secret":"` + token.Secret + `","csr":"bm8="}`: 400, strings.Repeat("x", 2*maxJoin): 400, `{"secret":"` + token.Secret + `"}`: 400,
	} {
		resp, err := client.Post("https://"+h.addr+joinPath, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%.40s: %s", body, resp.Status)
		}
	}
	if _, err := join(t, token); err != nil {
		t.Error(err)
	}
}

// meets has a member connect to the server of an authority.
func meets(t *testing.T, ca *CA, member *tls.Config) error {
	t.Helper()
	server, err := ca.ServerTLS(true)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = c.(*tls.Conn).HandshakeContext(context.Background())
			_ = c.Close()
		}
		told <- err
	}()
	c, err := (&tls.Dialer{Config: member}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	return <-told
}

// Only who has a certificate of the cluster's own authority meets its server, and only
// that server.
func TestWhoMayConnect(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	m, err := join(t, h.token(t))
	if err != nil {
		t.Fatal(err)
	}
	member, err := m.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if err := meets(t, h.ca, member); err != nil {
		t.Errorf("a member: %v", err)
	}
	if err := meets(t, other.ca, member); err == nil {
		t.Error("a member meets the server of another cluster")
	}
	stranger, err := other.ca.NewMember("x", "")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := stranger.TLS()
	if err != nil {
		t.Fatal(err)
	}
	foreign.RootCAs = member.RootCAs // it trusts the server
	if err := meets(t, h.ca, foreign); err == nil {
		t.Error("a member of another cluster is let in")
	}
	nobody := member.Clone()
	nobody.Certificates = nil
	if err := meets(t, h.ca, nobody); err == nil {
		t.Error("one without a certificate is let in")
	}
	// A member's certificate does not let it be a server.
	impostor := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: member.Certificates}
	l, err := tls.Listen("tcp", "127.0.0.1:0", impostor)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).HandshakeContext(context.Background()) // it fails
			_ = c.Close()
		}
	}()
	if _, err := (&tls.Dialer{Config: member}).DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("a member passes as the server")
	}
}

func TestAnExpiredCertificate(t *testing.T) {
	h := newHouse(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := certificate("gpu1", -time.Minute)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, h.ca.cert, &key.PublicKey, h.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	m := &Member{CA: string(h.ca.PEM()), Cert: string(cert), Key: string(text)}
	var expired *ExpiredError
	if _, err := m.TLS(); !errors.As(err, &expired) || !strings.Contains(err.Error(), "expired on 20") {
		t.Errorf("got %v", err)
	}
	pair, err := tls.X509KeyPair(cert, text)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(h.ca.cert)
	// The server does not take its machine's word for it.
	if err := meets(t, h.ca, &tls.Config{MinVersion: tls.VersionTLS13, ServerName: serverName, RootCAs: pool, Certificates: []tls.Certificate{pair}}); err == nil {
		t.Error("it is let in")
	}
}

// The authority stays the same, and one process at a time has the store.
func TestOneProcessHasTheStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	lock, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Take(dir); !errors.As(err, &held) || held.Holder == nil || held.Holder.PID != os.Getpid() || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second one: %v", err)
	}
	first, err := OpenCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
	lock, err = Take(dir)
	if err != nil {
		t.Fatalf("once it is free: %v", err)
	}
	defer lock.Release()
	if again, err := OpenCA(dir); err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("%v, %v", again, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCA(dir); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("a damaged authority: %v", err)
	}
}
