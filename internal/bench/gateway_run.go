package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

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

// gateways are the processes that are compared.
type gateways struct {
	server, proxy, tandem string // URLs, without /v1
	processes             []*process
	pids                  map[string]int // of each
	serve                 *exec.Cmd
	dir                   string
}

func startGateway(ctx context.Context, p Plan) (g *gateways, err error) {
	g = &gateways{pids: map[string]int{}}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()
	child := func(who, name string, args ...string) (string, error) {
		w, err := start(ctx, p.Log, name, append(p.Self[:len(p.Self):len(p.Self)], args...)...)
		if err != nil {
			return "", err
		}
		g.processes = append(g.processes, w)
		g.pids[who] = w.cmd.Process.Pid
		return w.line()
	}
	if g.server, err = child("server", "the fake server", "-serve"); err != nil {
		return g, err
	}
	g.server = strings.TrimSuffix(g.server, "/v1")
	if g.proxy, err = child("proxy", "the proxy", "-proxy", g.server); err != nil {
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
	g.pids["tandem"] = g.serve.Process.Pid
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

// pid is Tandem's.
func (g *gateways) pid() int { return g.pids["tandem"] }

// cpu adds the processor time that each has used so far, so many times.
func (g *gateways) cpu(to map[string]time.Duration, times int) {
	for who, pid := range g.pids {
		to[who] += time.Duration(times) * cpuOf(pid)
	}
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
