package guard

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// hasBody reports whether the client sends a body.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// checkType wants JSON. A page may send text and forms to any server without asking
// first, and never JSON.
//
// Programs are let off two things. `curl -d` and PowerShell say that a body is a form
// unless they are told otherwise, Ollama takes it, and its documentation is full of
// such commands; and some clients say nothing at all. Both hold only without the
// headers by which a browser says who asks, so no page gains anything.
func (g *Guard) checkType(x *request) *Refusal {
	if !hasBody(x.Request) {
		return nil
	}
	if g.isUpload(x) {
		return checkUpload(x)
	}
	types := x.Header["Content-Type"]
	if len(types) == 0 || len(types) == 1 && types[0] == "" {
		if !x.fromBrowser() {
			return nil
		}
		return refusef(http.StatusUnsupportedMediaType, CodeWrongType, "the body has no content type; send `Content-Type: application/json`")
	}
	if len(types) > 1 {
		return refusef(http.StatusUnsupportedMediaType, CodeWrongType, "the request has two content types; send `Content-Type: application/json` alone")
	}
	kind, params, err := mime.ParseMediaType(types[0])
	isJSON := kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
	switch charset := strings.ToLower(params["charset"]); {
	case err == nil && kind == "application/x-www-form-urlencoded" && !x.fromBrowser():
		return nil
	case err != nil || !isJSON:
		return refusef(http.StatusUnsupportedMediaType, CodeWrongType, "the body has to be JSON; send `Content-Type: application/json`")
	case charset != "" && charset != "utf-8" && charset != "utf8" && charset != "us-ascii":
		return refusef(http.StatusUnsupportedMediaType, CodeWrongType, "the body has to be JSON in UTF-8")
	}
	return nil
}

// body is a request's body in memory.
type body struct {
	data []byte
	held int64 // bytes of the guard's share that it takes
	read bool  // the request has one
}

// put makes it the body of the request.
func (b body) put(r *http.Request) {
	if !b.read {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(b.data))
	r.ContentLength = int64(len(b.data))
	r.TransferEncoding = nil
	r.Header.Del("Content-Encoding")
	r.Header.Set("Content-Length", strconv.Itoa(len(b.data)))
}

var (
	errLarge = errors.New("too large")
	errFull  = errors.New("the bodies of all requests together are too large")
	errSlow  = errors.New("too slow")
)

// readBody reads a body to its end, so that net/http sees from then on when the
// client leaves, and decodes it. What the body holds counts until the request ends.
func (g *Guard) readBody(x *request) (body, *Refusal) {
	if !hasBody(x.Request) {
		return body{}, nil
	}
	if x.ContentLength > g.cfg.Limits.Body {
		return body{}, g.bodyRefusal(errLarge)
	}
	raw := http.MaxBytesReader(x.plain, x.Body, g.cfg.Limits.Body) // tells net/http not to wait for the rest
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(x.Header["Content-Encoding"], ",")))
	b := body{read: true}
	var err error
	switch encoding {
	case "", "identity":
		b.data, err = g.readAll(raw, x.ContentLength, &b.held)
	case "gzip", "x-gzip":
		var unzip *gzip.Reader
		if unzip, err = gzip.NewReader(raw); err == nil {
			b.data, err = g.readAll(unzip, 0, &b.held)
		}
	case "zstd":
		decoder, failed := g.zstd.take(raw)
		if err = failed; err == nil {
			b.data, err = g.readAll(decoder, 0, &b.held)
			g.zstd.give(decoder)
		}
	default:
		return b, refusef(http.StatusUnsupportedMediaType, CodeWrongEncoding, "the body's content encoding is not supported; send it as it is, or with gzip or zstd")
	}
	if err == nil {
		_, err = io.Copy(io.Discard, raw) // to its end, where a decoder needed less
	}
	if err != nil {
		return b, g.bodyRefusal(err)
	}
	x.w.bodyRead = true
	_ = x.w.control.SetReadDeadline(time.Time{})
	return b, nil
}

func (g *Guard) bodyRefusal(err error) *Refusal {
	switch {
	case errors.Is(err, errLarge), errors.As(err, new(*http.MaxBytesError)):
		return refusef(http.StatusRequestEntityTooLarge, CodeTooLarge, "the body is larger than %s, which is the limit of this server", size(g.cfg.Limits.Body))
	case errors.Is(err, errFull):
		refusal := refusef(http.StatusTooManyRequests, CodeTooBusy, "the requests under way take all the memory that this server has for them; try again in a moment")
		refusal.RetryAfter = time.Second
		return refusal
	case errors.Is(err, os.ErrDeadlineExceeded):
		refusal := refusef(http.StatusRequestTimeout, CodeTooSlow, "the body did not arrive within %s", g.cfg.Limits.BodyTime)
		refusal.Err = errSlow
		return refusal
	}
	return refusef(http.StatusBadRequest, CodeBadBody, "the body cannot be read: it ended early, or is not in its content encoding")
}

func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// firstPiece is what is set aside for a body before any of it has come: what a client
// announces costs nothing.
const firstPiece = 8 << 10

// readAll reads src into memory and counts what it takes in held.
func (g *Guard) readAll(src io.Reader, announced int64, held *int64) ([]byte, error) {
	var data []byte
	grow := func(to int64) error {
		if g.bodies.Add(to-*held) > g.cfg.Limits.Bodies {
			g.bodies.Add(*held - to)
			return errFull
		}
		*held = to
		data = append(make([]byte, 0, to), data...)
		return nil
	}
	most := g.cfg.Limits.Body + 1
	next := int64(firstPiece)
	if announced > 0 {
		most = announced + 1 // one more, so that the end is seen without growing
		next = min(next, most)
	}
	for {
		if int64(len(data)) >= g.cfg.Limits.Body+1 {
			return nil, errLarge
		}
		if len(data) == cap(data) {
			if err := grow(next); err != nil {
				return nil, err
			}
			next = min(next*2, most)
		}
		n, err := src.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF && int64(len(data)) > g.cfg.Limits.Body:
			return nil, errLarge
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		}
	}
}

// maxWindow is how far back a zstd body may refer: RFC 8878 asks for 8 MiB, and no
// level up to 19 needs more.
const maxWindow = 8 << 20

// decoders are zstd decoders that wait for the next body.
type decoders struct{ idle sync.Pool }

func (d *decoders) take(src io.Reader) (*zstd.Decoder, error) {
	if decoder, ok := d.idle.Get().(*zstd.Decoder); ok {
		return decoder, decoder.Reset(src)
	}
	return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

func (d *decoders) give(decoder *zstd.Decoder) {
	if decoder.Reset(nil) == nil {
		d.idle.Put(decoder)
	}
}
