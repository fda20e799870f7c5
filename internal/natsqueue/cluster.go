// Package natsqueue carries the rows of batches to nodes and brings their results back,
// on NATS JetStream.
//
// The rows of a batch are messages of its own stream. Nodes pull them by one consumer
// with explicit acknowledgements: a [Lease] is that as batch's Queue. What a row came to
// is created in the batch's bucket, under a key that only the row has. That is the fence:
// JetStream takes a late acknowledgement, and gives a row whose lease ran out to another
// node, but creates a key once. [Work] is the other side: it hands rows over, and stores
// what is in the bucket in the batch's own file.
package natsqueue

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Times that hold for all who use a cluster.
const (
	// LeaseTime is how long a node has a row without a word: as long waits a row whose node
	// was killed, stands still or is cut off.
	LeaseTime = 8 * time.Second
	// MaxDeliver is how often a row is given to nodes.
	MaxDeliver = 5
	// callTime bounds one request to the cluster.
	callTime = 10 * time.Second
)

// Buckets and streams that all batches share.
const (
	commonBucket = "tandem"
	nodesBucket  = "tandem-nodes"
	deadStream   = "tandem-dead"
	deadSubjects = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."
	consumerName = "nodes"
)

// The names of what a batch has of its own.
func jobStream(batch string) string { return "tandem-jobs-" + batch }
func bucket(batch string) string    { return "tandem-" + batch }

// Config says how a cluster is reached.
type Config struct {
	URL     string
	Options []nats.Option // who connects, and by what dialer
	// ID is the id that the cluster has to have; empty: any.
	ID string
	// NewID is the id of a cluster that has none, such as one whose store was damaged;
	// empty: a new one.
	NewID string
	// Lease is how long a node has a row without a word; 0: [LeaseTime].
	Lease time.Duration
	// Link, if not nil, is told when the connection is lost, with an *[Error], and nil when it is
	// there again.
	Link func(error)
}

// Cluster is a connection to a cluster. It is safe for concurrent use.
type Cluster struct {
	// ID is the cluster's own.
	ID string
	// Replicas is on how many servers everything is stored: with 1 it is lost with that
	// server's disk, and nothing goes on while it is down.
	Replicas int

	url    string
	lease  time.Duration
	nc     *nats.Conn
	js     jetstream.JetStream
	common jetstream.KeyValue
	nodes  jetstream.KeyValue
	// forbidden is what the server does not allow, where it has said so.
	forbidden atomic.Pointer[string]
}

// NoJetStreamError is a server that stores nothing.
type NoJetStreamError struct{ URL string }

// Error names the server.
func (e *NoJetStreamError) Error() string {
	return e.URL + " has no JetStream, which keeps rows and results"
}

// OtherClusterError is a cluster that is not the one that was meant. ID is empty where the
// server has none any more.
type OtherClusterError struct{ URL, ID, Want string }

// Error names both.
func (e *OtherClusterError) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("%s has lost the cluster %s", e.URL, e.Want)
	}
	return fmt.Sprintf("%s is the cluster %s, not %s", e.URL, e.ID, e.Want)
}

// Open connects to a cluster, and makes in it what is not there yet.
func Open(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	c := &Cluster{url: cfg.URL, lease: cmp.Or(cfg.Lease, LeaseTime)}
	defer func(ctx context.Context) { err = c.explained(ctx, err) }(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := append([]nats.Option{
		nats.Name("tandem"), nats.Timeout(callTime), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now is an error now
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if cfg.Link != nil {
				cfg.Link(c.explained(context.Background(), cmp.Or(err, nats.ErrDisconnected)))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			if cfg.Link != nil {
				cfg.Link(nil)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { // calls have errors of their own, but for this one
			if c.forbid(err) {
				cancel()
			}
		}),
	}, cfg.Options...)
	if c.nc, err = nats.Connect(cfg.URL, options...); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if c.js, err = jetstream.New(c.nc, jetstream.WithDefaultTimeout(callTime), jetstream.WithPublishAsyncMaxPending(2048)); err != nil {
		return nil, err
	}
	if _, err = c.js.AccountInfo(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			err = &NoJetStreamError{cfg.URL}
		}
		return nil, err
	}
	if err = c.found(ctx, cfg.NewID); err != nil {
		return nil, err
	}
	if cfg.ID != "" && cfg.ID != c.ID {
		return nil, &OtherClusterError{URL: cfg.URL, ID: c.ID, Want: cfg.ID}
	}
	return c, nil
}

// found makes what all batches share, unless somebody has.
func (c *Cluster) found(ctx context.Context, newID string) (err error) {
	c.common, err = c.js.KeyValue(ctx, commonBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = c.replicated(func(n int) (err error) {
			c.common, err = c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: commonBucket, Description: "what tandem's batches share", Replicas: n})
			return err
		})
	}
	if err != nil {
		return err
	}
	info, err := c.js.Stream(ctx, "KV_"+commonBucket)
	if err != nil {
		return err
	}
	c.Replicas = max(1, info.CachedInfo().Config.Replicas)
	id := cmp.Or(newID, randomID())
	if _, err := c.common.Create(ctx, "cluster", []byte(id)); err != nil && !conflict(err) {
		return err
	}
	entry, err := c.common.Get(ctx, "cluster")
	if err != nil {
		return err
	}
	c.ID = string(entry.Value())
	if c.nodes, err = c.foundNodes(ctx); err != nil {
		return err
	}
	// JetStream has no place for what was delivered too often, only a notice: it is kept.
	_, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: deadStream, Description: "rows that tandem's nodes did not bring to an end", Subjects: []string{deadSubjects + "*." + consumerName},
		MaxAge: 30 * 24 * time.Hour, Replicas: c.Replicas,
	})
	return err
}

// foundNodes makes the bucket in which nodes say what they do. It is worth no disk: nodes
// write it again.
func (c *Cluster) foundNodes(ctx context.Context) (jetstream.KeyValue, error) {
	return c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: nodesBucket, Description: "what tandem's nodes say of themselves", Storage: jetstream.MemoryStorage, TTL: forgetAfter, Replicas: c.Replicas,
	})
}

// renew makes anew what a server does not have on its disk, after it has begun anew. A
// server that has lost its disk, too, or another one at its address, is another cluster.
func (c *Cluster) renew(ctx context.Context) error {
	common, err := c.js.KeyValue(ctx, commonBucket)
	if gone(err) {
		return &OtherClusterError{URL: c.url, Want: c.ID}
	}
	if err != nil {
		return err
	}
	entry, err := common.Get(ctx, "cluster")
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return &OtherClusterError{URL: c.url, Want: c.ID}
	case err != nil:
		return err
	case string(entry.Value()) != c.ID:
		return &OtherClusterError{URL: c.url, ID: string(entry.Value()), Want: c.ID}
	}
	_, err = c.foundNodes(ctx) // buckets are used by their names
	return err
}

// Codes of JetStream's for a cluster that is too small for so many replicas.
const (
	codeNoPeers      = 10005
	codeNotClustered = 10074
)

// replicated makes something on three servers, or on one where there are fewer.
func (c *Cluster) replicated(create func(replicas int) error) error {
	err := create(3)
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == codeNoPeers || api.ErrorCode == codeNotClustered) {
		return create(1)
	}
	return err
}

// Close ends the connection.
func (c *Cluster) Close() { c.nc.Close() }

// URL is where the cluster was reached.
func (c *Cluster) URL() string { return c.url }

// Connected reports whether the connection is there now.
func (c *Cluster) Connected() bool { return c.nc.IsConnected() }

// maxInline is how large a message may be, bytes; what is larger goes to the object store,
// in parts of that size at most. Headers and subjects have the rest.
func (c *Cluster) maxInline() int {
	most := int(c.nc.MaxPayload())
	return max(most/2, most-16<<10)
}

// within is a context for one request.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTime)
}

// randomID is an id that nobody else has.
func randomID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// gone reports whether an error is that a stream, a bucket or a consumer was removed.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) ||
		errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerDoesNotExist)
}

// conflict reports whether an error is that a key or a message is there already, or is
// not what it was. Replicated streams have a code of their own for it.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) ||
		errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// token is a text as a part of a key or a subject.
func token(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, text)
}
