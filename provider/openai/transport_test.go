package openai_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

const wholeAnswer = `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`

func answers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, wholeAnswer)
}

func askAt(t *testing.T, cfg openai.Config, privacy provider.Privacy) (provider.Response, error) {
	t.Helper()
	cfg.Model = "m"
	p, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: true, Privacy: privacy}))
}

// A server with a private authority that wants a certificate of its clients.
func TestClientCertificates(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(answers))
	cert := certificate(t)
	clients := x509.NewCertPool()
	clients.AddCert(cert.Leaf)
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	defer srv.Close()
	ca := x509.NewCertPool()
	ca.AddCert(srv.Certificate())
	with := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca, Certificates: []tls.Certificate{cert}}}
	defer with.CloseIdleConnections()
	for _, privacy := range []provider.Privacy{provider.PrivacyAny, provider.PrivacyLocal} {
		r, err := askAt(t, openai.Config{BaseURL: srv.URL, RoundTripper: with, Local: true}, privacy)
		if err != nil || r.Text != "hi" || !r.Route.Local {
			t.Errorf("privacy %q: %+v, %v", privacy, r, err)
		}
	}
	if _, err := askAt(t, openai.Config{BaseURL: srv.URL}, provider.PrivacyAny); provider.KindOf(err) != provider.Unavailable {
		t.Errorf("without the authority: %v", err)
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// By proxy nothing is local, and what is to stay goes by none.
func TestAProxyOfOnesOwn(t *testing.T) {
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { through.Add(1); answers(w, r) }))
	defer proxy.Close()
	direct := httptest.NewServer(http.HandlerFunc(answers))
	defer direct.Close()
	u, _ := url.Parse(proxy.URL)
	rt := &http.Transport{Proxy: http.ProxyURL(u)}
	defer rt.CloseIdleConnections()
	r, err := askAt(t, openai.Config{BaseURL: direct.URL, RoundTripper: rt, Local: true}, provider.PrivacyAny)
	if err != nil || through.Load() != 1 || r.Route.Local {
		t.Errorf("%d calls by proxy; %+v, %v", through.Load(), r.Route, err)
	}
	r, err = askAt(t, openai.Config{BaseURL: direct.URL, RoundTripper: rt, Local: true}, provider.PrivacyLocal)
	if err != nil || through.Load() != 1 || !r.Route.Local {
		t.Errorf("local: %d calls by proxy; %+v, %v", through.Load(), r.Route, err)
	}
	if _, err := askAt(t, openai.Config{BaseURL: "http://192.0.2.1", RoundTripper: rt, Local: true}, provider.PrivacyLocal); provider.KindOf(err) != provider.Private || through.Load() != 1 {
		t.Errorf("elsewhere, under privacy local: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Of a round tripper of another kind nobody can tell where it connects.
func TestAnotherRoundTripperIsNotLocal(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(answers))
	defer srv.Close()
	calls := 0
	rt := roundTripper(func(r *http.Request) (*http.Response, error) { calls++; return http.DefaultTransport.RoundTrip(r) })
	cfg := openai.Config{BaseURL: srv.URL, RoundTripper: rt, Local: true}
	if r, err := askAt(t, cfg, provider.PrivacyAny); err != nil || r.Route.Local || calls != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := askAt(t, cfg, provider.PrivacyLocal); provider.KindOf(err) != provider.Private || calls != 1 {
		t.Errorf("privacy local: %v after %d calls", err, calls)
	}
	cfg.RoundTripper = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("broke") })
	var e *provider.Error
	if _, err := askAt(t, cfg, provider.PrivacyAny); !errors.As(err, &e) || !e.Sent {
		t.Errorf("whether it was sent is not known: %+v", err)
	}
}

// Headers go with each call, to the configured host alone.
func TestHeadersOfOnesOwn(t *testing.T) {
	var strayed atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer other.Close()
	var got http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		if strings.Contains(r.URL.Path, "away") {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"I was told `+r.Header.Get("X-Secret")+`"}}`)
	}))
	defer srv.Close()
	h := http.Header{"http-referer": {"https://tandem.test"}, "X-Secret": {"hush-hush-5f2b9c"}}
	_, err := askAt(t, openai.Config{BaseURL: srv.URL, Header: h}, provider.PrivacyAny)
	if got.Get("Http-Referer") != "https://tandem.test" || got.Get("X-Secret") != "hush-hush-5f2b9c" {
		t.Errorf("sent %v", got)
	}
	if err == nil || strings.Contains(err.Error(), "hush-hush") {
		t.Errorf("the error shows a header's value: %v", err)
	}
	if _, err := askAt(t, openai.Config{BaseURL: srv.URL + "/away", Header: h}, provider.PrivacyAny); err == nil || strayed.Load() != 0 {
		t.Errorf("a redirect was followed %d times, %v", strayed.Load(), err)
	}
	for _, bad := range []http.Header{{"Host": {"h"}}, {"content-length": {"1"}}, {"X Y": {"1"}}, {"": {"1"}}, {"X-Y": {"a\r\nX-Z: b"}}} {
		if _, err := openai.New(openai.Config{Header: bad}); provider.KindOf(err) != provider.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, bad := range []string{"Host", "transfer-encoding", "api key", "api-key:"} {
		if _, err := openai.New(openai.Config{Key: "the-key-0123456789", KeyHeader: bad}); provider.KindOf(err) != provider.Invalid {
			t.Errorf("a key in the header %q: %v", bad, err)
		}
	}
}

// Azure wants its version with each call, and the key in a header of its own.
func TestAzure(t *testing.T) {
	azure := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("api-version") != "2024-10-21" || r.Header.Get("Api-Key") != "the-key-0123456789" || r.Header.Get("Authorization") != "" ||
			r.URL.Path != "/openai/deployments/gpt/chat/completions" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":"401","message":"Access denied"}}`)
			return
		}
		answers(w, r)
	}))
	defer azure.Close()
	for name, cfg := range map[string]openai.Config{
		"by its path":  {BaseURL: azure.URL + "/openai/deployments/gpt?api-version=2024-10-21", Key: "the-key-0123456789"},
		"with a slash": {BaseURL: azure.URL + "/openai/deployments/gpt/?api-version=2024-10-21", Key: "the-key-0123456789"},
		"as told":      {BaseURL: azure.URL + "/openai/deployments/gpt?api-version=2024-10-21", Key: "the-key-0123456789", KeyHeader: "api-key"},
		"by a header":  {BaseURL: azure.URL + "/openai/deployments/gpt?api-version=2024-10-21", Header: http.Header{"Api-Key": {"the-key-0123456789"}}},
	} {
		r, err := askAt(t, cfg, provider.PrivacyAny)
		if err != nil || r.Text != "hi" || strings.Contains(r.Route.Endpoint, "api-version") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// By its host; nothing is dialled.
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Api-Key") == "" || r.Header.Get("Authorization") != "" || r.URL.RawQuery != "api-version=1" {
			t.Errorf("%s: sent %v", r.URL, r.Header)
		}
		return nil, errors.New("no")
	})
	for _, host := range []string{"x.openai.azure.com", "X.cognitiveservices.azure.com", "x.services.ai.azure.com"} {
		_, _ = askAt(t, openai.Config{BaseURL: "https://" + host + "/openai/v1?api-version=1", Key: "the-key-0123456789", RoundTripper: rt}, provider.PrivacyAny)
	}
}
