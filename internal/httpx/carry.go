package httpx

import (
	"context"
	"errors"
	"net/http"

	"github.com/tandem-llm/tandem/provider"
)

// Carrier makes a call in the place of the network: one whose answer came another
// way, such as in a file, or of which only the request is wanted.
type Carrier func(*http.Request) (*http.Response, error)

type carrierKey struct{}

// WithCarrier returns a context whose calls are made by c. Each answer is then read
// and checked as one from the network. A call that has to stay on this machine is
// refused: where c gets its answers from is not known.
func WithCarrier(ctx context.Context, c Carrier) context.Context {
	return context.WithValue(ctx, carrierKey{}, c)
}

func carrierFrom(ctx context.Context) Carrier {
	c, _ := ctx.Value(carrierKey{}).(Carrier)
	return c
}

// Carried reports whether ctx has a [Carrier].
func Carried(ctx context.Context) bool { return carrierFrom(ctx) != nil }

// carry makes a call by a carrier.
func (t *Transport) carry(c *Call, by Carrier, req *http.Request) (*http.Response, error) {
	switch {
	case t.opts.Offline:
		return nil, &provider.Error{Kind: provider.Offline, Err: errors.New("offline mode is on")}
	case t.opts.LocalOnly, c.LocalOnly:
		return nil, &provider.Error{Kind: provider.Private, Err: errors.New("the prompt may not leave this machine")}
	}
	return by(req)
}

// exchange sends a request, by the context's carrier if it has one.
func (t *Transport) exchange(c *Call, req *http.Request) (*http.Response, error) {
	if by := carrierFrom(req.Context()); by != nil {
		return t.carry(c, by, req)
	}
	return t.send(c, req)
}
