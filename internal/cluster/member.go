package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Member is what a machine keeps that has joined a cluster.
type Member struct {
	Cluster string `json:"cluster"` // its id
	URL     string `json:"url"`     // of the server, such as tls://192.0.2.7:11510
	CA      string `json:"ca"`      // PEM
	Cert    string `json:"cert"`    // PEM
	Key     string `json:"key"`     // PEM
}

// ErrNoMember is a machine that has joined no cluster.
var ErrNoMember = errors.New("this machine has joined no cluster")

// ExpiredError is a machine whose certificate has expired.
type ExpiredError struct{ At time.Time }

// Error says when.
func (e *ExpiredError) Error() string {
	return "the certificate of this machine for its cluster expired on " + e.At.Format("2006-01-02")
}

func memberPath(dir string) string { return filepath.Join(dir, "member.json") }

// ReadMember reads what is kept in a directory.
func ReadMember(dir string) (*Member, error) {
	data, err := os.ReadFile(memberPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoMember
	}
	if err != nil {
		return nil, err
	}
	m := &Member{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", memberPath(dir), err)
	}
	return m, nil
}

// Write keeps it in a directory.
func (m *Member) Write(dir string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return writeSecret(memberPath(dir), append(data, '\n'))
}

// Of reports whether the member is of the cluster that a token is of.
func (m *Member) Of(t Token) bool {
	block, _ := pem.Decode([]byte(m.CA))
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return err == nil && fingerprint(cert) == t.CA
}

// TLS is the configuration with which the member connects to its cluster.
func (m *Member) TLS() (*tls.Config, error) {
	pair, err := tls.X509KeyPair([]byte(m.Cert), []byte(m.Key))
	if err != nil {
		return nil, fmt.Errorf("the certificate of this machine: %w", err)
	}
	if at := pair.Leaf.NotAfter; time.Now().After(at) {
		return nil, &ExpiredError{at}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(m.CA)) {
		return nil, errors.New("the certificate of the cluster cannot be read")
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: serverName, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}

// NewMember makes a member of the authority's own cluster.
func (ca *CA) NewMember(name, url string) (*Member, error) {
	key, csr, err := request(name)
	if err != nil {
		return nil, err
	}
	cert, err := ca.Sign(csr, name)
	return &Member{URL: url, CA: string(ca.PEM()), Cert: string(cert), Key: string(key)}, err
}

// pemOf is a certificate in PEM.
func pemOf(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}
