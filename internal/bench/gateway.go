package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// GatewayRow is what a gateway does at a time, compared with the proxy that only passes
// on what comes, in the same round.
type GatewayRow struct {
	Work  string  `json:"work"`
	Who   string  `json:"who"`
	Wall  float64 `json:"wall_us"` // of a request, from its client's side
	Rate  float64 `json:"per_second"`
	Ratio Spread  `json:"rate_ratio"` // to the proxy's
	Added Spread  `json:"added_us"`   // to the median request, above the server without a gateway; one at a time only
}

// GatewayHold is what streams that wait cost a gateway.
type GatewayHold struct {
	Streams int   `json:"streams"`
	Loaded  int64 `json:"loaded_kib"` // the process's memory after the load; 0: not known
	Held    int64 `json:"held_kib"`   // while the streams are open
	Wrong   int   `json:"wrong_answers"`
}

// gatewayLoads are the requests that are sent, in a quantity of a second or less.
var gatewayLoads = []struct {
	c, requests, streams int
}{{1, 300, 150}, {16, 800, 300}, {64, 1200, 400}, {256, 1500, 500}}

// ServeProxy passes requests on to a server, on a free port, until in ends. It reads a
// request before it passes it on, as a gateway has to.
func ServeProxy(ctx context.Context, to string, in io.Reader, out io.Writer) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			body, _ := io.ReadAll(r.Out.Body) // what is short fails at the server
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
		},
		FlushInterval: -1, Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
	}
	return serveUntil(ctx, proxy, "", in, out)
}

// asker sends one request after another, and reads the answers.
type asker struct {
	client *http.Client
	url    string
	header http.Header
}

func newAsker(base string) *asker {
	return &asker{
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 14, DisableCompression: true}},
		url:    base + "/v1/chat/completions", header: http.Header{"Content-Type": {"application/json"}},
	}
}

// ask asks the story. The answer has to be the server's, whole; a stream has to end as
// one does. First, unless nil, is called at the first token of a stream.
func (a *asker) ask(ctx context.Context, stream bool, first func()) error {
	body := fmt.Sprintf(`{"model":"fake","stream":%v,"messages":[{"role":"user","content":%q}]}`, stream, streamPrompt)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = a.header.Clone()
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var text []byte
	done := !stream
	lines := bufio.NewReaderSize(res.Body, 8<<10)
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		if _, rest, ok := bytes.Cut(line, []byte(`"content":"`)); ok {
			piece, _, _ := bytes.Cut(rest, []byte(`"`)) // the server's words have none
			if text = append(text, piece...); first != nil && len(piece) > 0 {
				first()
				first = nil
			}
		}
		done = done || bytes.HasPrefix(line, []byte("data: [DONE]"))
	}
	if !errors.Is(err, io.EOF) || res.StatusCode != http.StatusOK || !done || string(text) != Answer() {
		return fmt.Errorf("status %d, whole %v, %d bytes of %d, %w", res.StatusCode, done, len(text), len(Answer()), err)
	}
	return nil
}

// Gateway measures Tandem's gateway, and the proxy, in turns. A wrong answer is an error.
func Gateway(ctx context.Context, p Plan) ([]GatewayRow, error) {
	g, err := startGateway(ctx, p)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	whos := []string{"server", "proxy", "tandem"}
	askers := map[string]*asker{"server": newAsker(g.server), "proxy": newAsker(g.proxy), "tandem": newAsker(g.tandem)}
	var rows []GatewayRow
	for _, l := range gatewayLoads {
		for _, stream := range []bool{false, true} {
			title, n := fmt.Sprintf("whole answers, %d at once", l.c), l.requests
			if stream {
				title, n = fmt.Sprintf("streams of %d tokens, %d at once", Tokens, l.c), l.streams
			}
			fmt.Fprintf(p.Log, "gateway, %s: %d rounds\n", title, p.Rounds)
			walls, medians := map[string][]float64{}, map[string][]float64{}
			for round := -1; round < p.Rounds; round++ { // one to warm up
				for i := range whos {
					who := whos[i]
					if round%2 == 1 {
						who = whos[len(whos)-1-i]
					}
					wall, each, err := askers[who].load(ctx, stream, n, l.c)
					if err != nil {
						return nil, fmt.Errorf("%s, %s: %w", who, title, err)
					}
					if round >= 0 {
						walls[who] = append(walls[who], float64(wall.Microseconds())/float64(n))
						medians[who] = append(medians[who], median(each))
					}
				}
			}
			for _, who := range whos[1:] {
				row := GatewayRow{Work: title, Who: who, Wall: median(medians[who]), Rate: 1e6 / median(walls[who]), Ratio: spread(divide(walls["proxy"], walls[who]))}
				if l.c == 1 {
					row.Added = spread(subtract(medians[who], medians["server"]))
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// load asks n times, c at once. Each is how long every request took, in microseconds.
func (a *asker) load(ctx context.Context, stream bool, n, c int) (wall time.Duration, each []float64, err error) {
	var (
		mu   sync.Mutex
		all  sync.WaitGroup
		next = make(chan struct{}, n)
	)
	for range n {
		next <- struct{}{}
	}
	close(next)
	start := time.Now()
	for range c {
		all.Go(func() {
			var own []float64
			for range next {
				began := time.Now()
				if e := a.ask(ctx, stream, nil); e != nil {
					mu.Lock()
					defer mu.Unlock()
					err = e
					return
				}
				own = append(own, float64(time.Since(began).Microseconds()))
			}
			mu.Lock()
			defer mu.Unlock()
			each = append(each, own...)
		})
	}
	all.Wait()
	return time.Since(start), each, err
}

// HoldGateway loads the gateway, and then has n streams wait in it at once.
func HoldGateway(ctx context.Context, p Plan, n int) (GatewayHold, error) {
	h := GatewayHold{Streams: n}
	if err := descriptors(n); err != nil {
		return h, err
	}
	g, err := startGateway(ctx, p)
	if err != nil {
		return h, err
	}
	defer g.stop()
	a := newAsker(g.tandem)
	for _, stream := range []bool{false, true} {
		fmt.Fprintf(p.Log, "gateway: 3000 requests before %d streams\n", n)
		if _, _, err := a.load(ctx, stream, 3000, 64); err != nil {
			return h, err
		}
	}
	h.Loaded = rssOf(g.pid)
	a.header.Set("X-Tandem-Use", "held")
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, opening)
		first = make(chan struct{}, n)
	)
	for range n {
		slots <- struct{}{}
		all.Go(func() {
			open := sync.OnceFunc(func() {
				<-slots
				first <- struct{}{}
			})
			defer open() // one that failed is not waited for
			if e := a.ask(ctx, true, open); e != nil {
				mu.Lock()
				defer mu.Unlock()
				h.Wrong++
				err = e
			}
		})
	}
	for range n {
		<-first
	}
	h.Held = rssOf(g.pid)
	if e := release(ctx, g.server+"/held"); e != nil {
		return h, e
	}
	all.Wait()
	if h.Wrong > 0 {
		return h, fmt.Errorf("%d of %d streams went wrong: %w", h.Wrong, n, err)
	}
	return h, nil
}

// gateways are the processes that are compared.
type gateways struct {
	server, proxy, tandem string // URLs, without /v1
	pid                   int    // of tandem
	processes             []*process
	serve                 *exec.Cmd
	dir                   string
}

func startGateway(ctx context.Context, p Plan) (g *gateways, err error) {
	g = &gateways{}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()
	child := func(name string, args ...string) (string, error) {
		w, err := start(ctx, p.Log, name, append(p.Self[:len(p.Self):len(p.Self)], args...)...)
		if err != nil {
			return "", err
		}
		g.processes = append(g.processes, w)
		return w.line()
	}
	if g.server, err = child("the fake server", "-serve"); err != nil {
		return g, err
	}
	g.server = strings.TrimSuffix(g.server, "/v1")
	if g.proxy, err = child("the proxy", "-proxy", g.server); err != nil {
		return g, err
	}
	if g.dir, err = os.MkdirTemp("", "tandem-bench-"); err != nil {
		return g, err
	}
	file := filepath.Join(g.dir, "config.yaml")
	cfg := fmt.Sprintf("use: [fake, held]\nproviders:\n- {name: fake, kind: openai, base_url: '%s/v1', model: fake, local: true}\n- {name: held, kind: openai, base_url: '%s/held/v1', model: fake, local: true}\n", g.server, g.server)
	if err = os.WriteFile(file, []byte(cfg), 0o600); err != nil {
		return g, err
	}
	g.serve = exec.CommandContext(ctx, p.Tandem[0], "--config", file, "serve", "--listen", "127.0.0.1:0") //nolint:gosec // the program that is measured
	g.serve.Env = append(os.Environ(), "XDG_STATE_HOME="+g.dir, "XDG_DATA_HOME="+g.dir, "HOME="+g.dir)
	said, err := g.serve.StderrPipe()
	if err != nil {
		return g, err
	}
	if err = g.serve.Start(); err != nil {
		return g, err
	}
	g.pid = g.serve.Process.Pid
	lines := bufio.NewReader(said)
	for {
		line, e := lines.ReadString('\n')
		if _, at, ok := strings.Cut(line, "Tandem serves at "); ok {
			g.tandem = strings.TrimSpace(at)
			break
		}
		if e != nil {
			return g, fmt.Errorf("tandem serve ended unasked: %s", line)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // its log, until it ends
	return g, nil
}

func (g *gateways) stop() {
	if g.serve != nil && g.serve.Process != nil {
		_ = g.serve.Process.Kill()
		_ = g.serve.Wait()
	}
	for _, w := range g.processes {
		w.stop()
	}
	_ = os.RemoveAll(g.dir)
}

// rssOf is a process's memory as Linux counts it, in KiB; 0: not known.
func rssOf(pid int) int64 { return rssIn("/proc/" + strconv.Itoa(pid) + "/status") }

// WriteGateway writes the rows as a table.
func WriteGateway(w io.Writer, rows []GatewayRow) {
	fmt.Fprintln(w, "| work | who | median request | a second | rate over the proxy's (least–most) | added to the server's own median |\n|---|---|---|---|---|---|")
	for _, r := range rows {
		added := ""
		if r.Added != (Spread{}) {
			added = fmt.Sprintf("%.2f ms (%.2f–%.2f)", r.Added.Median/1000, r.Added.Min/1000, r.Added.Max/1000)
		}
		fmt.Fprintf(w, "| %s | %s | %.2f ms | %.0f | %.2f (%.2f–%.2f) | %s |\n", r.Work, r.Who, r.Wall/1000, r.Rate, r.Ratio.Median, r.Ratio.Min, r.Ratio.Max, added)
	}
}

// WriteGatewayHold writes what was held.
func WriteGatewayHold(w io.Writer, h GatewayHold) {
	fmt.Fprintf(w, "%d streams wait in the gateway at once: %d MiB, %d MiB after the load before; %d wrong answers\n", h.Streams, h.Held>>10, h.Loaded>>10, h.Wrong)
}
