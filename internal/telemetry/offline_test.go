package telemetry_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/telemetry"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// elsewhere is the receiver's address as one that does not count as this machine,
// and yet is reached.
func elsewhere(t *testing.T, r *receiver) string {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + net.JoinHostPort("0.0.0.0", port)
}

// askOf asks a provider once; the span of it is called chat and that name.
func askOf(t *testing.T, p provider.Provider, model string) {
	t.Helper()
	req := question()
	req.Model = model
	if _, err := provider.Collect(p.Chat(context.Background(), req)); err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T, endpoint string, offline bool, warn func(string)) (*telemetry.Telemetry, provider.Provider) {
	t.Helper()
	tel := telemetry.New(telemetry.Options{
		Getenv:  func(name string) string { return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}[name] },
		Offline: offline, Warn: warn,
	})
	t.Cleanup(tel.Close)
	return tel, tel.Wrap(&providertest.Fake{}, func(string) telemetry.System { return telemetry.System{Name: "fake", ProviderName: "ollama"} })
}

// sent is the chats whose spans arrived, and whether anything did.
func (r *receiver) sent() (chats string, anything bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, s := range r.spans {
		names = append(names, strings.TrimPrefix(s.Name, "chat "))
	}
	return strings.Join(names, " "), len(r.paths) > 0
}

// What is asked before or during an offline time is told to nobody elsewhere,
// neither then nor later.
func TestOfflineDiscardsWhatIsMeantForElsewhere(t *testing.T) {
	for _, tc := range []struct {
		name  string
		start bool   // offline
		steps string // a question each; + and - go online and offline
		want  string // what has arrived after the end
	}{
		{"online", false, "a b", "a b"},
		{"a change of something else", false, "a + b", "a b"},
		{"gone offline", false, "a b -", ""},
		{"asked offline", false, "a - b", ""},
		{"and back", false, "a - b + c", "c"},
		{"and back unasked", false, "a - + c", "c"},
		{"twice", false, "a - b + c - d + e", "e"},
		{"from the start", true, "a", ""},
		{"gone online", true, "a + b", "b"},
		{"gone online before the first question", true, "+ b", "b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReceiver(t)
			tel, p := started(t, elsewhere(t, r), tc.start, nil)
			for _, step := range strings.Fields(tc.steps) {
				switch step {
				case "+", "-":
					tel.SetOffline(step == "-")
				default:
					askOf(t, p, step)
				}
			}
			tel.Close()
			if got, anything := r.sent(); got != tc.want || anything != (tc.want != "") {
				t.Errorf("the collector got %q (anything at all: %v), want %q", got, anything, tc.want)
			}
			for _, rm := range r.metrics {
				for _, m := range rm.ScopeMetrics[0].Metrics {
					for _, point := range m.GetHistogram().DataPoints {
						if model := attrs(point.Attributes)["gen_ai.request.model"]; !strings.Contains(tc.want, model) {
							t.Errorf("%s of %s was sent", m.Name, model)
						}
					}
				}
			}
		})
	}
}

// A collector on this machine gets all of it.
func TestOfflineKeepsWhatStaysHere(t *testing.T) {
	r := newReceiver(t)
	tel, p := started(t, r.URL, false, func(why string) { t.Error(why) })
	for i, model := range []string{"a", "b", "c", "d"} {
		askOf(t, p, model)
		tel.SetOffline(i%2 == 0)
	}
	tel.Close()
	if got, _ := r.sent(); got != "a b c d" {
		t.Errorf("the collector got %q", got)
	}
}

// An upload under way, and a connection that is kept, end with going offline; and
// the end says that something was lost.
func TestOfflineEndsAnUploadUnderWay(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	begun, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		begun <- struct{}{}
		<-q.Context().Done() // the client went away
		ended <- struct{}{}
	}))
	defer slow.Close()
	var warnings []string
	tel, p := started(t, elsewhere(t, &receiver{Server: slow}), false, func(why string) { warnings = append(warnings, why) })
	askOf(t, p, "a")
	<-begun
	tel.SetOffline(true)
	<-ended
	tel.Close()
	if len(warnings) != 1 || !strings.Contains(warnings[0], "offline mode") {
		t.Errorf("it said %q", warnings)
	}
}

// However often it is switched, as many goroutines run as at the first time.
func TestSwitchingLeaksNothing(t *testing.T) {
	r := newReceiver(t)
	tel, p := started(t, elsewhere(t, r), false, nil)
	askOf(t, p, "m")
	before := runtime.NumGoroutine()
	for range 50 {
		tel.SetOffline(true)
		askOf(t, p, "m")
		tel.SetOffline(false)
		askOf(t, p, "m")
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched() // a goroutine that was told to end is about to
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, and %d before", after, before)
	}
}
