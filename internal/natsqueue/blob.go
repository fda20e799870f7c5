package natsqueue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// What fits into a message stands in it after an =. Else the message has, after an @,
// where in the batch's object store it is.
const (
	inline = '='
	stored = '@'
)

// objectPart is the most that is stored in one message of an object, bytes.
const objectPart = 128 << 10

// reference is where something large is.
type reference struct {
	Object string `json:"object"`
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// DamagedError is data that are not what was stored.
type DamagedError struct{ What string }

// Error names them.
func (e *DamagedError) Error() string { return e.What + " is damaged: it is not what was stored" }

// damaged reports whether an error is that data are lost, or are not what was stored: to
// read them again does not help.
func damaged(err error) bool { return errors.As(err, new(*DamagedError)) }

// blobs are the data of a batch that do not fit into messages.
type blobs struct {
	c     *Cluster
	batch string
}

func (b *blobs) store(ctx context.Context) (jetstream.ObjectStore, error) {
	s, err := b.c.js.ObjectStore(ctx, bucket(b.batch))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		s, err = b.c.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket(b.batch), Description: "what is too large for a message of a batch", Replicas: b.c.Replicas})
		if errors.Is(err, jetstream.ErrBucketExists) {
			s, err = b.c.js.ObjectStore(ctx, bucket(b.batch))
		}
	}
	return s, err
}

// put stores data under a name, and returns where they are.
func (b *blobs) put(ctx context.Context, name string, data []byte) (reference, error) {
	s, err := b.store(ctx)
	if err != nil {
		return reference{}, err
	}
	sum := sha256.Sum256(data)
	part := min(objectPart, b.c.maxInline())
	_, err = s.Put(ctx, jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(part)}}, bytes.NewReader(data)) //nolint:gosec // at most objectPart
	return reference{Object: name, SHA256: hex.EncodeToString(sum[:]), Size: len(data)}, err
}

// get reads what put has stored. A *[DamagedError]: it is lost, or not what it was.
func (b *blobs) get(ctx context.Context, r reference) ([]byte, error) {
	s, err := b.c.js.ObjectStore(ctx, bucket(b.batch))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, &DamagedError{r.Object}
	}
	if err != nil {
		return nil, err
	}
	data, err := s.GetBytes(ctx, r.Object)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound), errors.Is(err, jetstream.ErrBadObjectMeta), errors.Is(err, jetstream.ErrDigestMismatch):
		return nil, &DamagedError{r.Object}
	case err != nil && ctx.Err() == nil && b.hasGap(ctx, s, r.Object):
		return nil, &DamagedError{r.Object}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", r.Object, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != r.SHA256 {
		return nil, &DamagedError{r.Object}
	}
	return data, nil
}

// hasGap reports whether parts of an object are lost: to read it waits for them.
func (b *blobs) hasGap(ctx context.Context, s jetstream.ObjectStore, name string) bool {
	call, cancel := within(ctx)
	defer cancel()
	object, err := s.GetInfo(call, name)
	if err != nil {
		return false
	}
	parts := "$O." + bucket(b.batch) + ".C." + object.NUID
	stream, err := b.c.js.Stream(call, "OBJ_"+bucket(b.batch))
	if err != nil {
		return false
	}
	info, err := stream.Info(call, jetstream.WithSubjectFilter(parts))
	return err == nil && info.State.Subjects[parts] < uint64(object.Chunks)
}

// pack makes a message of data. What is too large goes to the object store, under a name
// that nothing else has.
func (b *blobs) pack(ctx context.Context, name string, data []byte) ([]byte, error) {
	if len(data)+1 <= b.c.maxInline() {
		return append([]byte{inline}, data...), nil
	}
	r, err := b.put(ctx, name+"."+randomID(), data)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	return append([]byte{stored}, text...), err
}

// unpack reads what pack has made.
func (b *blobs) unpack(ctx context.Context, message []byte) ([]byte, error) {
	switch {
	case len(message) > 0 && message[0] == inline:
		return message[1:], nil
	case len(message) > 0 && message[0] == stored:
		var r reference
		if json.Unmarshal(message[1:], &r) != nil {
			break
		}
		return b.get(ctx, r)
	}
	return nil, &DamagedError{"a message"}
}

// drop removes what a message refers to, if anything.
func (b *blobs) drop(ctx context.Context, message []byte) {
	var r reference
	if len(message) == 0 || message[0] != stored || json.Unmarshal(message[1:], &r) != nil {
		return
	}
	if s, err := b.c.js.ObjectStore(ctx, bucket(b.batch)); err == nil {
		_ = s.Delete(ctx, r.Object) // it goes with the batch
	}
}
