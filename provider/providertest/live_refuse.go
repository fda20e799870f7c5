package providertest

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

const absent = "no-such-model-7f3a"

func liveUnknown(t *testing.T, l Live) {
	for _, noStream := range []bool{false, true} {
		req := l.request(2)
		req.Model, req.NoStream = absent, noStream
		_, err := provider.Collect(l.New(t).Chat(context.Background(), req))
		l.refused(t, err, provider.ModelNotFound)
		if err != nil && !strings.Contains(err.Error(), absent) {
			t.Errorf("the error does not name the model: %v", err)
		}
	}
}

// liveOverflow gives a prompt that does not fit. It must not be cut.
func liveOverflow(t *testing.T, l Live) {
	long := strings.Repeat("river stone cloud ", max(6000, l.Window)/3)
	for _, noStream := range []bool{false, true} {
		req := l.request(2)
		req.Messages = []provider.Message{provider.System("Be brief."), provider.User(long), provider.Assistant("Yes."), provider.User("Go on.")}
		req.NoStream = noStream
		r, err := provider.Collect(l.New(t).Chat(context.Background(), req))
		if err == nil {
			t.Fatalf("%d words in a window of %d tokens were answered: %q, %+v", len(strings.Fields(long)), l.Window, r.Text, r.Usage)
		}
		l.refused(t, err, provider.ContextOverflow)
	}
}

func liveModels(t *testing.T, l Live) {
	models, err := l.New(t).Models(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(models, func(m provider.Model) bool { return m.Name == l.Model }) {
		t.Errorf("%q is not among %+v", l.Model, models)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.New(t).Models(ctx); err != context.Canceled {
		t.Errorf("canceled: got %v (%T), want context.Canceled unchanged", err, err)
	}
}

// liveCapabilities accepts what either of Models and Inspect tells.
func liveCapabilities(t *testing.T, l Live) {
	p := l.New(t)
	models, err := p.Models(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if in, ok := provider.As[provider.Inspector](p); ok {
		info, err := in.Inspect(context.Background(), l.Model)
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, info.Model)
		_, err = in.Inspect(context.Background(), absent)
		l.refused(t, err, provider.ModelNotFound)
	}
	for _, c := range l.Can {
		if !slices.ContainsFunc(models, func(m provider.Model) bool { can, _ := m.Can(c); return m.Name == l.Model && can }) {
			t.Errorf("nothing tells that %s can do %s: %+v", l.Model, c, models)
		}
	}
	for _, c := range l.Lacks {
		if slices.ContainsFunc(models, func(m provider.Model) bool { can, _ := m.Can(c); return m.Name == l.Model && can }) {
			t.Errorf("%s is said to do %s", l.Model, c)
		}
	}
}

// pixel is a picture of one.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func liveLacks(t *testing.T, l Live) {
	for _, c := range l.Lacks {
		t.Run(string(c), func(t *testing.T) {
			req := l.request(2)
			switch c {
			case provider.CanTools:
				req.Tools = []provider.Tool{{Name: "time", Description: "tells the time", Parameters: []byte(`{"type":"object","properties":{}}`)}}
			case provider.CanThink:
				req.Think = provider.ThinkOn
			case provider.CanVision:
				data, err := base64.StdEncoding.DecodeString(pixel)
				if err != nil {
					t.Fatal(err)
				}
				req.Messages[0].Images = []provider.Image{{Data: data}}
			default:
				t.Fatalf("no request asks for %s", c)
			}
			r, err := provider.Collect(l.New(t).Chat(context.Background(), req))
			if err == nil {
				t.Fatalf("what the model cannot do was dropped, and it answered %q", r.Text)
			}
			l.refused(t, err, provider.Unsupported)
		})
	}
}

func liveEmbed(t *testing.T, l Live) {
	p := l.New(t)
	e, ok := provider.As[provider.Embedder](p)
	if !ok {
		t.Fatal("it has no Embed")
	}
	texts := []string{"a cat", "the stock market", "a cat"}
	req := provider.EmbedRequest{Model: l.EmbedModel, Input: texts}
	r, err := e.Embed(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(&req); err != nil {
		t.Fatal(err)
	}
	if same, other := cosine(r.Vectors[0], r.Vectors[2]), cosine(r.Vectors[0], r.Vectors[1]); same < 0.99 || other >= same {
		t.Errorf("likeness of the same text %.3f, of another %.3f", same, other)
	}
	if r.Route == nil || r.Route.Endpoint != l.Endpoint || r.Route.Local == l.Remote {
		t.Errorf("route %+v", r.Route)
	}
	_, err = e.Embed(context.Background(), provider.EmbedRequest{Model: l.EmbedModel})
	l.refused(t, err, provider.Invalid)
	if l.Window > 0 {
		long := strings.Repeat("river stone cloud ", max(6000, l.Window)/3)
		_, err := e.Embed(context.Background(), provider.EmbedRequest{Model: l.EmbedModel, Input: []string{long}})
		l.refused(t, err, provider.ContextOverflow)
	}
}

// cosine is 1 for vectors of one direction. Both have the same length.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab * ab / (aa * bb)
}
