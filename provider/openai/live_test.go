package openai_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func live(t *testing.T, e testengine.OpenAIEngine, key string) *openai.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{Keep: time.Nanosecond}) // llama.cpp hangs up on kept connections, and no router is here to ask again
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(openai.Config{Name: "hosted", BaseURL: e.BaseURL, Key: key, Model: e.Model, RoundTripper: tr, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLiveServer(t *testing.T) {
	e := testengine.OpenAI(t)
	providertest.TestLive(t, providertest.Live{
		New:   func(t *testing.T) provider.Provider { return live(t, e, e.Key) },
		Model: e.Model, Endpoint: strings.TrimSuffix(e.BaseURL, "/v1"), Secret: e.Key,
		Seed: true, Schema: true, Window: 2048, Lists: true, OneModel: true, EmbedModel: e.Model,
		Lacks: []provider.Capability{provider.CanVision},
	})
}

func TestLiveWrongKeyIsDeniedAndNotTold(t *testing.T) {
	e := testengine.OpenAI(t)
	p := live(t, e, canary)
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	_, chat := provider.Collect(p.Chat(context.Background(), req))
	req.NoStream = true
	_, whole := provider.Collect(p.Chat(context.Background(), req))
	_, embed := p.Embed(context.Background(), provider.EmbedRequest{Input: []string{"hi"}})
	_, none := provider.Collect(live(t, e, "").Chat(context.Background(), req))
	for name, err := range map[string]error{"chat": chat, "whole": whole, "embed": embed, "no key": none} {
		if provider.KindOf(err) != provider.Denied {
			t.Errorf("%s: got %v, want Denied", name, err)
		}
		if said := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(said, canary) || strings.Contains(said, e.Key) {
			t.Errorf("%s: the error tells a key: %s", name, said)
		}
	}
}
