package stack

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/files"
)

// maxPEM is the most bytes of a file of certificates, or of a key. The system's
// own bundles have a quarter of a MiB.
const maxPEM = 4 << 20

// clientTLS makes a provider's configuration of TLS; nil is the default. Its
// errors name the file.
func clientTLS(c config.TLS) (*tls.Config, error) {
	if c == (config.TLS{}) {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		data, err := readPEM("tls.ca", c.CA)
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // the system has none
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("tls.ca: %s has no certificate in PEM; is it the right file?", c.CA)
		}
		out.RootCAs = pool
	}
	if c.Cert == "" {
		return out, nil
	}
	cert, err := readPEM("tls.cert", c.Cert)
	if err != nil {
		return nil, err
	}
	key, err := readPEM("tls.key", c.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls.cert: %s and its key %s cannot be used: %w", c.Cert, c.Key, err)
	}
	out.Certificates = []tls.Certificate{pair}
	return out, nil
}

func readPEM(field, path string) ([]byte, error) {
	data, err := files.Read(path, maxPEM)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no file %s", field, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: %s cannot be read; check its permissions", field, path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return data, nil
}
