package natsqueue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
)

// Trouble is a kind of what goes wrong with a cluster.
type Trouble int

// The kinds.
const (
	Other      Trouble = iota // Err says what
	Silent                    // it does not answer, or cannot be reached
	Refused                   // it does not know who connects
	Forbidden                 // who connects may not do what a cluster needs
	Stranger                  // the server is not of the cluster that this machine has joined
	Full                      // it cannot store more
	TooLarge                  // it takes no message that large
	Gone                      // the batch was removed from it
	NoCapacity                // it takes no more connections, streams or consumers
)

// Error is what a cluster did not do.
type Error struct {
	URL   string
	Kind  Trouble
	Needs string // what who connects may not do, such as `publish to "jobs.>"`; empty: not known
	Err   error
}

// Unwrap is what the client said.
func (e *Error) Unwrap() error { return e.Err }

// Error says what happened.
func (e *Error) Error() string {
	at := "the cluster"
	if e.URL != "" {
		at += " at " + e.URL
	}
	switch e.Kind {
	case Silent:
		return at + " does not answer" + e.cause()
	case Refused:
		return at + " refuses the credentials of this machine"
	case Forbidden:
		if e.Needs == "" {
			return at + " does not allow what tandem needs"
		}
		return fmt.Sprintf("%s does not allow to %s", at, e.Needs)
	case Stranger:
		return fmt.Sprintf("the server at %s is not of the cluster that this machine has joined", e.URL)
	case Full:
		return at + " cannot store more: its disk or its limit is full"
	case TooLarge:
		return at + " takes no message that large"
	case Gone:
		return "the batch was removed from the cluster"
	case NoCapacity:
		return at + " takes no more connections, streams or consumers"
	}
	return at + ": " + plainText(e.Err)
}

// cause is why nobody answers, where the system says so.
func (e *Error) cause() string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(e.Err, &dns):
		return fmt.Sprintf(": the name %s is not known", dns.Name)
	case errors.As(e.Err, &op) && op.Err != nil && !op.Timeout():
		text := op.Err.Error()
		if _, after, found := strings.Cut(text, ": "); found { // connect: connection refused
			text = after
		}
		return ": " + text
	}
	return ""
}

// plainText is an error without the name of the library.
func plainText(err error) string {
	return strings.TrimPrefix(err.Error(), "nats: ")
}

// Errors of the client and codes of the server, by kind.
var (
	silences = []error{
		nats.ErrTimeout, nats.ErrNoServers, nats.ErrNoResponders, nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrConnectionReconnecting, nats.ErrConnectionDraining,
		nats.ErrDisconnected, nats.ErrStaleConnection, nats.ErrInvalidConnection, jetstream.ErrNoStreamResponse, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	}
	refusals = []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrNkeysNotSupported}
	noRoom   = []error{nats.ErrMaxConnectionsExceeded, nats.ErrMaxAccountConnectionsExceeded, nats.ErrMaxSubscriptionsExceeded, jetstream.ErrMaximumConsumersLimit}
	tooLarge = []error{nats.ErrMaxPayload, jetstream.ErrStreamMessageExceedsMaximum}
	full     = []jetstream.ErrorCode{10023, 10028, 10047, 10077} // insufficient resources, memory or storage exceeded, the store failed
	capacity = []jetstream.ErrorCode{10027, 10120, 10026}        // streams or consumers exceeded
)

// explained is an error of a cluster as an *[Error]. One that is ctx's own, of the batch's
// file, of a budget or of data stays as it is.
func (c *Cluster) explained(ctx context.Context, err error) error {
	needs := c.forbidden.Load() // a request that is forbidden has no answer
	if err == nil || needs == nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	if errors.As(err, new(*Error)) || errors.As(err, new(*batch.FileError)) || errors.As(err, new(*batch.TooManyError)) || errors.As(err, new(*provider.Error)) ||
		errors.As(err, new(*DamagedError)) || errors.As(err, new(*NoJetStreamError)) || errors.As(err, new(*OtherClusterError)) {
		return err
	}
	e := &Error{URL: c.url, Kind: kindOf(err), Err: err}
	if needs != nil && (e.Kind == Silent || e.Kind == Forbidden || errors.Is(err, context.Canceled)) {
		e.Kind, e.Needs = Forbidden, *needs
	}
	return e
}

func kindOf(err error) Trouble {
	is := func(target error) bool { return errors.Is(err, target) }
	var api *jetstream.APIError
	code := jetstream.ErrorCode(0)
	if errors.As(err, &api) {
		code = api.ErrorCode
	}
	var alert tls.AlertError
	switch {
	case gone(err):
		return Gone
	case is(nats.ErrPermissionViolation):
		return Forbidden
	case slices.ContainsFunc(refusals, is), errors.As(err, &alert): // the server has looked at our certificate
		return Refused
	case errors.As(err, new(*tls.CertificateVerificationError)), errors.As(err, new(x509.UnknownAuthorityError)), errors.As(err, new(x509.HostnameError)), errors.As(err, new(x509.CertificateInvalidError)):
		return Stranger
	case slices.Contains(full, code):
		return Full
	case slices.ContainsFunc(tooLarge, is):
		return TooLarge
	case slices.ContainsFunc(noRoom, is), slices.Contains(capacity, code):
		return NoCapacity
	case slices.ContainsFunc(silences, is), errors.As(err, new(net.Error)):
		return Silent
	}
	return Other
}

// forbid takes in an error that came beside a request, and reports whether it is that the
// server does not allow the request.
func (c *Cluster) forbid(err error) bool {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return false
	}
	needs := ""
	// nats: permissions violation: Permissions Violation for Publish to "x"
	if _, after, found := strings.Cut(err.Error(), "iolation for "); found {
		needs = strings.ToLower(after[:1]) + after[1:]
		needs = strings.Replace(needs, "subscription to", "subscribe to", 1)
	}
	c.forbidden.Store(&needs)
	return true
}
