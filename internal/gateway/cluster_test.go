package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// clustered is a gateway on a machine of a cluster.
func clustered(t *testing.T) (url string, nodes *natsqueue.Cluster, down func()) {
	t.Helper()
	n, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	down = func() {
		n.Shutdown()
		n.WaitForShutdown()
	}
	t.Cleanup(down)
	open := func(ctx context.Context) (*natsqueue.Cluster, error) {
		return natsqueue.Open(ctx, natsqueue.Config{URL: "nats://in-process", Options: []nats.Option{nats.InProcessServer(n)}})
	}
	if nodes, err = open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nodes.Close)
	g := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, gatewaytest.NewEngine(t), "ok"), Cluster: natsqueue.NewObserver(open)})
	t.Cleanup(func() { _ = g.Close() })
	stands, err := guard.New(guard.Config{Keys: keys{"sk-op": {Name: "op", Operator: true}, "sk-a": {Name: "a"}}, Public: gateway.Public, Served: g.Served})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(stands.Wrap(g.Handler()))
	t.Cleanup(srv.Close)
	return srv.URL, nodes, down
}

const operator = "Authorization: Bearer sk-op"

// tells asks until the answer has a text.
func tells(t *testing.T, url, want string, header ...string) gatewaytest.Reply {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r := gatewaytest.Do(t, http.MethodGet, url, "", header...)
		if strings.Contains(r.Body, want) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never tells %q: %d %s", url, want, r.Status, r.Body)
		}
	}
}

// The gateway tells of the cluster's link and of its nodes, and is ready without both.
func TestTheGatewayTellsOfNodes(t *testing.T) {
	url, c, down := clustered(t)
	if r := tells(t, url+"/readyz", `"cluster":{"link":"up","nodes":0,"silent":0}`); r.Status != http.StatusOK || strings.Contains(r.Body, "warnings") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	n := &natsqueue.Node{
		ID: "1", Name: "canary-pc", Slots: 4, Running: 2, Rate: 1.5, Tokens: 90, Loaded: []string{"house/m"}, Total: natsqueue.LeaseCounts{Held: 3, Done: 7, Failed: 1, Duplicate: 2},
		Batches: map[string]natsqueue.LeaseCounts{"canary-batch": {Held: 3}}, Declined: map[string]string{"canary-other": "canary-why"},
	}
	if err := c.Beat(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	tells(t, url+"/metrics", "tandem_node_up", operator)
	got := scrape(t, url, operator)
	for series, want := range map[string]float64{
		"tandem_cluster_link_up": 1, "tandem_node_up|node=canary-pc": 1, "tandem_node_slots|node=canary-pc": 4, "tandem_node_rows_running|node=canary-pc": 2,
		"tandem_node_rows_held|node=canary-pc": 3, "tandem_node_rows_per_second|node=canary-pc": 1.5, "tandem_node_tokens_per_second|node=canary-pc": 90,
		"tandem_node_models_loaded|node=canary-pc": 1, "tandem_node_rows_total|node=canary-pc|outcome=done": 7, "tandem_node_rows_total|node=canary-pc|outcome=failed": 1,
		"tandem_node_rows_total|node=canary-pc|outcome=duplicate": 2,
	} {
		if v, ok := got[series]; !ok || v != want {
			t.Errorf("%s is %v, want %v", series, v, want)
		}
	}
	state := tells(t, url+"/ui/api/state", `"name":"canary-pc","state":"working","slots":4,"running":2,"held":3`, operator)
	if strings.Contains(state.Body, "canary-batch") || strings.Contains(state.Body, "canary-why") {
		t.Errorf("the dashboard is told whose batches a node runs: %s", state.Body)
	}
	if r := gatewaytest.Do(t, http.MethodGet, url+"/ui/api/state", "", "Authorization: Bearer sk-a"); !strings.Contains(r.Body, `"cluster":null`) {
		t.Errorf("a key that sees its own calls only sees the nodes: %s", r.Body)
	}
	if r := tells(t, url+"/readyz", `"nodes":1`); strings.Contains(r.Body, "canary") {
		t.Errorf("everybody sees a name: %s", r.Body)
	}
	if r := tells(t, url+"/readyz", `"warnings":["1 of 1 nodes of the cluster are silent"]`); r.Status != http.StatusOK || !strings.Contains(r.Body, `"link":"up"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	down()
	if r := tells(t, url+"/readyz", `"warnings":["the cluster of nodes does not answer"]`); r.Status != http.StatusOK || !strings.Contains(r.Body, `"link":"down"`) {
		t.Errorf("%d %s; want that questions can be answered without it", r.Status, r.Body)
	}
	if got = scrape(t, url, operator); got["tandem_ready"] != 1 || got["tandem_cluster_link_up"] != 0 {
		t.Errorf("%v", got)
	}
	for series := range got {
		if strings.HasPrefix(series, "tandem_node_") {
			t.Errorf("%s is told, and nothing is known of it", series)
		}
	}
}

// A gateway on a machine of no cluster says nothing of one.
func TestAGatewayWithoutNodes(t *testing.T) {
	url, _ := guarded(t, gatewaytest.Stack(t, gatewaytest.NewEngine(t), "ok"), nil, io.Discard)
	if r := gatewaytest.Do(t, http.MethodGet, url+"/readyz", ""); r.Body != `{"status":"ok"}`+"\n" {
		t.Errorf("%s", r.Body)
	}
	for series := range scrape(t, url) {
		if strings.HasPrefix(series, "tandem_node") || strings.HasPrefix(series, "tandem_cluster") {
			t.Errorf("it tells %s", series)
		}
	}
}
