package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// joinRequest and joinReply are what a machine and the cluster's server say.
type joinRequest struct {
	Secret string `json:"secret"`
	Name   string `json:"name"`
	CSR    []byte `json:"csr"` // DER
}

type joinReply struct {
	Cluster string `json:"cluster,omitempty"`
	URL     string `json:"url,omitempty"`
	Cert    string `json:"cert,omitempty"`
	Error   string `json:"error,omitempty"`
}

const (
	joinPath = "/join"
	maxJoin  = 64 << 10
	joinTime = 15 * time.Second
)

// JoinHandler takes machines in that have an invitation. url says where the cluster's
// server is reached, for one that asked at host.
func JoinHandler(ca *CA, in Invites, id string, url func(host string) string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+joinPath, func(w http.ResponseWriter, r *http.Request) {
		var req joinRequest
		answer := func(status int, reply joinReply) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(reply) // who asked is gone
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJoin)).Decode(&req); err != nil {
			answer(http.StatusBadRequest, joinReply{Error: "the request cannot be read"})
			return
		}
		// The certificate first: a request that cannot be signed uses no invitation up.
		cert, err := ca.Sign(req.CSR, req.Name)
		if err != nil {
			answer(http.StatusBadRequest, joinReply{Error: "the certificate request cannot be read"})
			return
		}
		switch err := in.Use(req.Secret); {
		case errors.Is(err, ErrInvite):
			answer(http.StatusForbidden, joinReply{Error: ErrInvite.Error()})
		case err != nil:
			answer(http.StatusInternalServerError, joinReply{Error: "the invitations cannot be read"})
		default:
			answer(http.StatusOK, joinReply{Cluster: id, URL: url(r.Host), Cert: string(cert)})
		}
	})
	return mux
}

// Join makes this machine a member of the cluster that a token is of. The key never
// leaves it.
func Join(ctx context.Context, t Token, name string, p httpx.Policy) (*Member, error) {
	var authority *x509.Certificate
	transport := httpx.NewTransport(httpx.Options{Policy: p, Connect: joinTime, TLS: &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection checks the certificate against the token's fingerprint
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			authority, err = verify(s.PeerCertificates, t.CA)
			return err
		},
	}})
	defer transport.CloseIdleConnections()
	key, csr, err := request(name)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(joinRequest{Secret: t.Secret, Name: name, CSR: csr}) //nolint:gosec // it goes to the server that made it, which was verified
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+t.Address+joinPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := transport.Client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s to join: %w", t.Address, httpx.Plain(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxJoin))
	if err != nil {
		return nil, fmt.Errorf("asking %s to join: %w", t.Address, err)
	}
	var reply joinReply
	if err := json.Unmarshal(data, &reply); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s refused: %s", t.Address, httpx.OneLine(strings.TrimSpace(reply.Error+" ("+resp.Status+")")))
	}
	return &Member{Cluster: reply.Cluster, URL: reply.URL, CA: pemOf(authority), Cert: reply.Cert, Key: string(key)}, nil
}

// verify finds the authority of a fingerprint among a server's certificates, and checks
// that it has signed the server's own.
func verify(certs []*x509.Certificate, want string) (*x509.Certificate, error) {
	for _, cert := range certs[min(1, len(certs)):] {
		if fingerprint(cert) != want {
			continue
		}
		pool := x509.NewCertPool()
		pool.AddCert(cert)
		_, err := certs[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: serverName})
		return cert, err
	}
	return nil, errors.New("the server's certificate is not of the cluster that the join token is of")
}
