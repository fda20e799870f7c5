package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is the fake server, and keeps the requests that it got.
type recorder struct {
	*httptest.Server
	mu       sync.Mutex
	requests []map[string]any
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{}
	upstream := Upstream()
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		var meaning map[string]any
		if err := json.Unmarshal(body, &meaning); err != nil {
			t.Errorf("the request is not a JSON object: %v\n%s", err, body)
		}
		meaning["(path)"], meaning["(key)"] = req.URL.Path, req.Header.Get("Authorization")
		r.mu.Lock()
		r.requests = append(r.requests, meaning)
		r.mu.Unlock()
		req.Body = io.NopCloser(bytes.NewReader(body))
		upstream.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

// do does the work once and returns its answer and the requests it made.
func (r *recorder) do(t *testing.T, work Work) (string, []map[string]any) {
	t.Helper()
	r.requests = nil
	answer, err := work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return answer, slices.Clone(r.requests)
}

// The ratios mean something only if both do the same.
func TestFloorAndTandemDoTheSameWork(t *testing.T) {
	server := newRecorder(t)
	floor := Floor(server.URL + "/v1")
	tandem, err := Tandem(server.URL + "/v1")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		answer   string
		requests int
	}{
		Chain:     {Answer(), 2},
		Stream:    {Answer(), 1},
		InProcess: {layerAnswer, 0},
		Each:      {layerAnswer, 0},
		FString:   {"Write a title for a play about apples set in Rome.", 0},
		Mustache:  {playsText, 0},
	} {
		t.Run(name, func(t *testing.T) {
			floorAnswer, floorRequests := server.do(t, floor[name])
			tandemAnswer, tandemRequests := server.do(t, tandem[name])
			if floorAnswer != want.answer || tandemAnswer != want.answer {
				t.Errorf("answers: floor %q, tandem %q, want %q", floorAnswer, tandemAnswer, want.answer)
			}
			if len(floorRequests) != want.requests || !reflect.DeepEqual(floorRequests, tandemRequests) {
				t.Errorf("requests, want %d alike:\nfloor  %v\ntandem %v", want.requests, floorRequests, tandemRequests)
			}
		})
	}
	if len(floor) != len(tandem) {
		t.Errorf("the floor has %d pieces of work, tandem %d", len(floor), len(tandem))
	}
}

const playsText = `Plays by Nobody:
- The Core, set in Rome
- The Peel, set in Rome
- The Stem, set in Rome
- The Pip, set in Rome
- The Worm, set in Rome
Which one is about apples?`

func TestWorkerAnswersEachLine(t *testing.T) {
	server := newRecorder(t)
	var out bytes.Buffer
	err := ServeWork(t.Context(), Floor(server.URL+"/v1"), strings.NewReader("chain 40 4\nchain twice\nsing 1 1\n"), &out)
	if err != nil {
		t.Fatal(err)
	}
	var replies []reply
	for d := json.NewDecoder(&out); d.More(); {
		var r reply
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	if len(replies) != 3 {
		t.Fatalf("%d replies to 3 lines", len(replies))
	}
	if r := replies[0]; r.Error != "" || r.Wall <= 0 || r.Allocs <= 0 || r.Bytes <= 0 {
		t.Errorf("a sample lacks something: %+v", r)
	}
	if !strings.Contains(replies[1].Error, "WORK N C") || !replies[2].Lacks {
		t.Errorf("mistakes are not explained: %+v", replies[1:])
	}
	if want := 2 * (1 + 40/20 + 40); len(server.requests) != want {
		t.Errorf("%d requests, want %d", len(server.requests), want)
	}
}

// A wrong answer must not pass as a fast one.
func TestMeasureRefusesAnotherAnswer(t *testing.T) {
	answers := []string{"one", "one", "two"}
	_, err := Measure(t.Context(), func(context.Context) (string, error) {
		a := answers[0]
		answers = answers[1:]
		return a, nil
	}, 2, 1)
	if err == nil || !strings.Contains(err.Error(), `"two" differs from the first, "one"`) {
		t.Errorf("got %v", err)
	}
}

func TestSpread(t *testing.T) {
	if got := spread(divide([]float64{3, 4, 10}, []float64{1, 2, 2})); got != (Spread{Median: 3, Min: 2, Max: 5}) {
		t.Errorf("ratios: %+v", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
	if got := spread(subtract([]float64{5, 7}, []float64{1, 2})); got != (Spread{Median: 4.5, Min: 4, Max: 5}) {
		t.Errorf("differences: %+v", got)
	}
}

func TestReport(t *testing.T) {
	r := &Report{OS: "linux", Arch: "amd64", Go: "go1.26", CPUs: 2, Rounds: 3}
	for _, who := range []string{"floor", "tandem"} {
		for _, l := range loads {
			row := Row{Work: l.title, Who: who, work: l.work, Sample: Sample{Wall: 200, Allocs: 10}, WallRatio: Spread{1.12, 1, 1.3}, AllocsRatio: 1}
			r.Rows = append(r.Rows, row)
		}
	}
	r.StartUp = []Start{{Program: "hello world"}, {Program: "tandem version", Above: Spread{Median: 4}}, {Program: "tandem ask", Above: Spread{Median: 16}}}
	r.Long = []Long{{Program: "tandem ask", Wall: 700, Ratio: Spread{1, 1, 1}}, {Program: "tandem run", Wall: 980, Ratio: Spread{1.4, 1.2, 1.5}}}
	r.Aims = aims(r)
	var out strings.Builder
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"MISSED  two-step chain, one at a time, wall: 1.12×, aim at most 1.1×",
		"met     two-step chain, one at a time, allocations: 1×, aim at most 1.25×",
		"met     two-step chain, 64 at once, wall: 1.12×, aim at most 1.15×",
		"met     f-string render: 200 ns, aim at most 300 ns",
		"met     tandem version, above hello world: 4 ms, aim at most 6 ms",
		"MISSED  tandem ask, above hello world: 16 ms, aim at most 12 ms",
		"MISSED  tandem run of 100000 chunks, over ask: 1.4×, aim at most 1.3×",
		"tandem run                  980 ms  1.40 (1.20–1.50)",
		"1.12 (1.00–1.30)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// What a library takes for itself is what it takes above the floor in the same
// round, a step; and Tandem's is set over it in that round, too.
func TestOwnCost(t *testing.T) {
	layer := load{title: "chain", work: InProcess}
	list := load{title: "list", work: Mustache}
	rounds := func(walls ...float64) []Sample {
		out := make([]Sample, len(walls))
		for i, w := range walls {
			out[i] = Sample{Wall: w, Allocs: w / 100}
		}
		return out
	}
	floor := rounds(200, 400, 200)
	r := &Report{Rows: []Row{
		row(layer, "floor", floor, floor),
		row(layer, "tandem", rounds(600, 900, 600), floor),
		row(layer, "langchaingo", rounds(2200, 2900, 2200), floor),
		row(layer, "eino", rounds(8200, 10400, 8200), floor),
		row(list, "floor", floor, floor),
		row(list, "tandem", rounds(300, 600, 300), floor),
		row(list, "mustache", rounds(600, 1000, 600), floor),
		row(load{title: "each", work: Each, parts: 10}, "floor", floor, floor),
	}}
	r.Own, r.Against = own(r.Rows), against(r.Rows)
	r.Aims = aims(r)
	if len(r.Own) != 3 || r.Own[0].Step != (Spread{200, 200, 250}) || r.Own[0].Tandem != (Spread{1, 1, 1}) || r.Own[0].Allocs != 2 {
		t.Errorf("own: %+v", r.Own)
	}
	if len(r.Against) != 1 || r.Against[0].Ratio != (Spread{0.5, 0.5, 0.6}) {
		t.Errorf("against: %+v", r.Against)
	}
	var out strings.Builder
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"MISSED  a chain's own cost for each step, over langchaingo's: 0.2×, aim at most 0.1×",
		"met     a chain's own cost for each step, over eino's: 0.05×, aim at most 0.2×",
		"list Tandem over mustache 0.50 (0.50–0.60)",
		"200 ns (5000000/s)",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// A peer that has no such work has no row; the floor has to have all.
func TestWhoLacksAWorkHasNoRow(t *testing.T) {
	var out bytes.Buffer
	if err := ServeWork(t.Context(), Works{}, strings.NewReader("chain 1 1\n"), &out); err != nil {
		t.Fatal(err)
	}
	lacking := out.String()
	out.Reset()
	works := Works{Chain: func(context.Context) (string, error) { return "x", nil }}
	if err := ServeWork(t.Context(), works, strings.NewReader("chain 1 1\n"), &out); err != nil {
		t.Fatal(err)
	}
	worker := func(name, says string) *process {
		return &process{name: name, in: discard{io.Discard}, lines: bufio.NewReader(strings.NewReader(says))}
	}
	l := load{title: "a chain", work: Chain, n: 1, c: 1}
	rows, err := turns([]*process{worker("floor", out.String()), worker("peer", lacking)}, l, 1)
	if err != nil || len(rows) != 1 || rows[0].Who != "floor" {
		t.Errorf("rows %+v, %v", rows, err)
	}
	if _, err := turns([]*process{worker("floor", lacking)}, l, 1); !errors.Is(err, errLacks) {
		t.Errorf("a floor that lacks it: %v", err)
	}
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// No process of a bench outlives it.
func TestUpstreamEndsWithItsInput(t *testing.T) {
	in, stop := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeUpstream(t.Context(), in, out) }()
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	works := Floor(strings.TrimSpace(url))
	if answer, err := works[Chain](t.Context()); err != nil || answer != Answer() {
		t.Errorf("got %q, %v", answer, err)
	}
	stop.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := works[Chain](t.Context()); err == nil {
		t.Error("it still answers")
	}
}
