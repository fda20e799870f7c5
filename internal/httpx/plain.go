package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/tandem-llm/tandem/provider"
)

// Plain says in plain words why no connection or no answer came. The cause
// stays in the chain.
func Plain(err error) error {
	if why := plainText(err); why != "" {
		return &plainError{text: why, err: err}
	}
	var ue *url.Error
	if errors.As(err, &ue) { // it repeats the method and the URL
		return ue.Err
	}
	return err
}

func plainText(err error) string {
	var (
		dns      *net.DNSError
		expired  x509.CertificateInvalidError
		host     x509.HostnameError
		unknown  x509.UnknownAuthorityError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		deadline = os.ErrDeadlineExceeded
		shape    *json.UnmarshalTypeError
		syntax   *json.SyntaxError
	)
	switch {
	case Refused(err):
		return "nothing is listening there (connection refused)"
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %q does not resolve (DNS)", dns.Name)
	case errors.As(err, &host):
		return "its TLS certificate is for another host"
	case errors.As(err, &unknown):
		return "its TLS certificate is signed by an unknown authority"
	case errors.As(err, &expired):
		if expired.Reason == x509.Expired {
			return "its TLS certificate has expired, or is not valid yet"
		}
		return "its TLS certificate is not valid: " + expired.Error()
	case errors.As(err, &verify):
		return "its TLS certificate is not valid"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS; is https:// right?"
	case errors.Is(err, provider.ErrStale):
		return "the server closed a reused connection without an answer"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection without an answer"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to host"
	case errors.As(err, &shape): // its own words are of Go's types
		return fmt.Sprintf("its answer has a value of the wrong type (%s) at %s", shape.Value, shape.Field)
	case errors.As(err, &syntax):
		return "what came is not JSON"
	case errors.Is(err, deadline), isTimeout(err):
		return "it did not answer in time"
	}
	return ""
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// Final reports whether the same call would fail the same way: a certificate
// that is not accepted, a redirect, more than an answer can be.
func Final(err error) bool {
	var (
		redirect *RedirectError
		verify   *tls.CertificateVerificationError
	)
	return errors.As(err, &redirect) || errors.As(err, &verify) || errors.Is(err, ErrTooLarge)
}

// Refused reports whether nothing listened at the address. Nothing was sent
// then.
func Refused(err error) bool { return errors.Is(err, errRefused) }
