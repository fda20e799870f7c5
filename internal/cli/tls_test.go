package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority is a private CA.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate and its key, in PEM.
func (a *authority) issue(name string) (cert, key []byte) {
	a.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer, a.key = c, k, k
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// A server behind a private authority that wants the client's certificate is
// asked with it, and with the headers that the user's file has.
func TestAskWithClientCertificateAndHeaders(t *testing.T) {
	a := &authority{t: t}
	ca, _ := a.issue("a private authority")
	cert, key := a.issue("server")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	var header atomic.Pointer[http.Header]
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header.Store(&r.Header)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()

	p := newPerson(t)
	mine, mineKey := a.issue("me")
	dir := filepath.Dir(p.userFile())
	for name, text := range map[string]string{"ca.pem": string(ca), "me.pem": string(mine), "me-key.pem": string(mineKey), "token": canaryKey, "empty.pem": "none"} {
		p.write(filepath.Join(dir, name), text)
	}
	configure := func(more string) {
		header.Store(nil)
		p.write(p.userFile(), "use: gw\nproviders:\n  - {name: gw, kind: openai, model: m, local: true, base_url: \""+s.URL+"/v1\", api_key: \"file:token\", api_key_header: api-key"+more+"}\n")
	}
	configure(", headers: {X-Title: Mine, X-Gateway-Token: \"file:token\"}, tls: {ca: ca.pem, cert: me.pem, key: me-key.pem}")
	p.expect(0, "hello", "", "ask", "hi")
	h := header.Load()
	if h == nil || h.Get("X-Title") != "Mine" || h.Get("X-Gateway-Token") != canaryKey || h.Get("api-key") != canaryKey || h.Get("Authorization") != "" {
		t.Errorf("the server saw %v", h)
	}
	if out := p.expect(0, "file:", "", "config", "show"); strings.Contains(out, canaryKey) {
		t.Errorf("config show shows the secret: %s", out)
	}
	for more, says := range map[string]string{
		"":                        "signed by an unknown authority",
		", tls: {ca: ca.pem}":     "certificate",
		", tls: {ca: absent.pem}": "there is no file " + filepath.Join(dir, "absent.pem"),
		", tls: {ca: empty.pem}":  filepath.Join(dir, "empty.pem") + " has no certificate",
		", tls: {ca: ca.pem, cert: me.pem, key: ca.pem}": filepath.Join(dir, "me.pem") + " and its key",
		", tls: {ca: .}": "is a directory",
		", headers: {X-Gateway-Token: \"env:TANDEM_TEST_ABSENT\"}": "config.yaml:3:",
	} {
		configure(more)
		code, _, errOut := p.run("", "ask", "hi")
		if code == 0 || !strings.Contains(errOut, says) || strings.Contains(errOut, canaryKey) || header.Load() != nil {
			t.Errorf("%s: %d, %s", more, code, errOut)
		}
	}
}

// An Ollama behind a proxy gets the headers with every request, loads and
// questions too.
func TestHeadersGoToAnOllamaWithEachRequest(t *testing.T) {
	var with, without atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer "+canaryKey {
			with.Add(1)
		} else {
			without.Add(1)
		}
		http.Error(w, "no", http.StatusTeapot)
	}))
	defer s.Close()
	p := newPerson(t)
	p.write(filepath.Join(filepath.Dir(p.userFile()), "token"), canaryKey)
	p.write(p.userFile(), "providers:\n  - {name: local, host: \""+s.URL+"\", managed: false, headers: {Authorization: \"file:token\"}, timeouts: {first_token: 9s}}\n")
	for _, args := range [][]string{{"ask", "hi"}, {"models", "list"}, {"models", "ps"}, {"doctor"}} {
		if _, _, errOut := p.run("", args...); strings.Contains(errOut, canaryKey) {
			t.Errorf("%v shows the secret: %s", args, errOut)
		}
	}
	if with.Load() == 0 || without.Load() > 0 {
		t.Errorf("%d requests with the header, %d without", with.Load(), without.Load())
	}
}
