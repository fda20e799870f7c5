package httpx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tlsServer serves with a certificate of its own for 127.0.0.1.
func tlsServer(t *testing.T, until time.Time) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: until.Add(-time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestFailuresToConnectArePlainWords(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	good := tlsServer(t, time.Now().Add(time.Hour))
	expired := tlsServer(t, time.Now().Add(-time.Hour))
	plainHTTP := serve(t, func(http.ResponseWriter, *http.Request) {})
	hangUp := serve(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	for what, tc := range map[string]struct{ url, says string }{
		"refused":      {dead.URL, "nothing is listening there (connection refused)"},
		"self-signed":  {good.URL, "its TLS certificate is signed by an unknown authority"},
		"wrong host":   {strings.Replace(good.URL, "127.0.0.1", "localhost", 1), "its TLS certificate is for another host"},
		"expired":      {expired.URL, "its TLS certificate has expired, or is not valid yet"},
		"no TLS":       {strings.Replace(plainHTTP.URL, "http://", "https://", 1), "it does not speak TLS; is https:// right?"},
		"no such name": {"http://no-such-host.invalid/", `the name "no-such-host.invalid" does not resolve (DNS)`},
		"hangs up":     {hangUp.URL, "the server closed the connection"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := get(t, t.Context(), Options{Connect: 500 * time.Millisecond}, &Call{}, tc.url)
			if err == nil {
				t.Fatal("no error")
			}
			said := Plain(err).Error()
			if !strings.Contains(said, tc.says) {
				t.Errorf("%v is worded %q, want %q", err, said, tc.says)
			}
			if strings.Contains(said, "dial tcp") || strings.Contains(said, "\n") || strings.Contains(said, `Get "`) {
				t.Errorf("these are not plain words: %q", said)
			}
			if (what == "refused") != Refused(err) {
				t.Errorf("Refused is %v of %v", Refused(err), err)
			}
		})
	}
}

func TestSystemErrorsArePlainWords(t *testing.T) {
	for cause, says := range map[error]string{
		syscall.EHOSTUNREACH:   "no route to host",
		syscall.ENETUNREACH:    "no route to host",
		syscall.ECONNRESET:     "the server closed the connection",
		syscall.EPIPE:          "the server closed the connection",
		os.ErrDeadlineExceeded: "it did not answer in time",
		io.EOF:                 "the server closed the connection without an answer",
		io.ErrUnexpectedEOF:    "the server closed the connection without an answer",
		errors.New("odd"):      "odd",
	} {
		err := &url.Error{Op: "Post", URL: "http://x/?k=" + canary, Err: fmt.Errorf("connect: %w", cause)}
		plain := Plain(err)
		if !strings.HasSuffix(plain.Error(), says) || !errors.Is(plain, cause) || strings.Contains(plain.Error(), canary) {
			t.Errorf("%v is worded %q, want %q", cause, plain, says)
		}
	}
}
