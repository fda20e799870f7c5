package natsqueue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
)

// What a cluster does not do is said in plain words, whatever the client calls it.
func TestErrorsSayWhatHappened(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	code := func(c jetstream.ErrorCode, text string) error {
		return &jetstream.APIError{Code: 503, ErrorCode: c, Description: text}
	}
	c := &Cluster{url: "tls://gpu1:11510"}
	for _, tc := range []struct {
		err  error // as nats.go 1.55 and nats-server 2.15 have it
		kind Trouble
		want string
	}{
		{nats.ErrReconnectBufExceeded, Silent, "the cluster at tls://gpu1:11510 does not answer"},
		{nats.ErrTimeout, Silent, "does not answer"},
		{nats.ErrNoServers, Silent, "does not answer"},
		{nats.ErrNoResponders, Silent, "does not answer"},
		{nats.ErrConnectionClosed, Silent, "does not answer"},
		{nats.ErrStaleConnection, Silent, "does not answer"},
		{nats.ErrDisconnected, Silent, "does not answer"},
		{jetstream.ErrNoStreamResponse, Silent, "does not answer"},
		{context.DeadlineExceeded, Silent, "does not answer"},
		{io.EOF, Silent, "does not answer"},
		{refused, Silent, "does not answer: connection refused"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: "gpu1", IsNotFound: true}}, Silent, "does not answer: the name gpu1 is not known"},
		{nats.ErrAuthorization, Refused, "refuses the credentials of this machine"},
		{nats.ErrAuthExpired, Refused, "refuses the credentials"},
		{nats.ErrAccountAuthExpired, Refused, "refuses the credentials"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, Refused, "refuses the credentials"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, Stranger, "the server at tls://gpu1:11510 is not of the cluster that this machine has joined"},
		{fmt.Errorf("%w: Permissions Violation for Publish to \"x\"", nats.ErrPermissionViolation), Forbidden, "does not allow what tandem needs"},
		{code(10023, "insufficient resources"), Full, "cannot store more"},
		{code(10047, "insufficient storage resources available"), Full, "cannot store more"},
		{code(10077, "maximum bytes exceeded"), Full, "cannot store more"},
		{nats.ErrMaxPayload, TooLarge, "takes no message that large"},
		{jetstream.ErrStreamMessageExceedsMaximum, TooLarge, "takes no message that large"},
		{nats.ErrMaxConnectionsExceeded, NoCapacity, "takes no more connections"},
		{code(10027, "maximum number of streams reached"), NoCapacity, "takes no more connections, streams"},
		{jetstream.ErrStreamNotFound, Gone, "the batch was removed from the cluster"},
		{jetstream.ErrConsumerDeleted, Gone, "the batch was removed"},
		{nats.ErrBadSubject, Other, "the cluster at tls://gpu1:11510: invalid subject"},
	} {
		for _, err := range []error{tc.err, fmt.Errorf("in between: %w", tc.err)} {
			got := c.explained(t.Context(), err)
			var e *Error
			if !errors.As(got, &e) || e.Kind != tc.kind || !errors.Is(got, tc.err) {
				t.Errorf("%v is %#v", err, got)
				continue
			}
			if text := got.Error(); err == tc.err && (!strings.Contains(text, tc.want) || strings.Contains(text, "nats: ")) {
				t.Errorf("%v reads %q", err, text)
			}
		}
	}
	for _, err := range []error{&batch.TooManyError{}, provider.Errorf(provider.OverBudget, "", "", "no"), &DamagedError{"x"}, &NoJetStreamError{"x"}, nil} {
		if got := c.explained(t.Context(), err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := c.explained(ended, context.Canceled); !errors.Is(got, context.Canceled) || errors.As(got, new(*Error)) {
		t.Errorf("the caller's own end became %v", got)
	}
}

// What a user of a NATS server may not do is said by its name, and at once.
func TestAUserWhoMayNot(t *testing.T) {
	for _, denied := range []string{"$JS.API.INFO", "$JS.API.STREAM.CREATE.>", "$KV.tandem.>"} {
		h := newHouseOf(t, func(o *server.Options) {
			o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{denied}}}}}
		})
		cfg := h.config()
		cfg.Options = append(cfg.Options, nats.UserInfo("u", "p"))
		began := time.Now()
		_, err := Open(t.Context(), cfg)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Forbidden || !strings.Contains(err.Error(), `does not allow to publish to "`+strings.TrimSuffix(denied, ">")) {
			t.Errorf("%s: %v after %v", denied, err, time.Since(began))
		}
	}
}

// A server that takes small messages only gets rows and results all the same.
func TestAServerOfSmallMessages(t *testing.T) {
	for _, most := range []int32{20 << 10, 64 << 10} {
		h := newHouseOf(t, func(o *server.Options) { o.MaxPayload = most })
		big := strings.Repeat("x", 300<<10)
		h.batch(big, "w2")
		wait := h.started(nil)
		n := h.node("n", 1, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
		if err := wait(); err != nil {
			t.Fatalf("%d bytes: %v", most, err)
		}
		n.end()
		if all, _ := h.results(); len(all) != 2 || all[0].Result.Answer != "re "+big+" kind" || all[1].Result.Answer != "re w2 kind" {
			t.Errorf("%d bytes: %d results", most, len(all))
		}
	}
}
