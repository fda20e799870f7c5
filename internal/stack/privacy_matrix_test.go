package stack_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// TestPrivacyOnlyTightens sets privacy in each of its four places, in every
// combination, with `any` where it is not local: one local is enough, and
// none is undone.
func TestPrivacyOnlyTightens(t *testing.T) {
	const elsewhere = "192.0.2.1:81"
	word := map[bool]string{true: "local", false: "any"}
	for bits := range 16 {
		inConfig, inChain, inStep, asFlag := bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
		t.Run(fmt.Sprintf("config %s, chain %s, step %s, flag %v", word[inConfig], word[inChain], word[inStep], asFlag), func(t *testing.T) {
			d := &dials{}
			dir := home(t)
			file := worldConfig(t, dir, elsewhere, "api.example.org", "privacy: "+word[inConfig])
			chainFile := write(t, filepath.Join(dir, "chain.yaml"), fmt.Sprintf(
				"name: one\nprivacy: %s\nsteps:\n  - {name: only, prompt: '{q}', use: hosted, privacy: %s}\n", word[inChain], word[inStep]))
			args := []string{"--config", file}
			if asFlag {
				args = append(args, "--local-only")
			}
			run := inProcess(httpx.WatchDials(t.Context(), d.watch))
			code, text := run(t, nil, append(args, "run", chainFile, "-p", "q="+secret)...)
			_, away := d.taken()
			if bits == 0 {
				if !slices.Equal(slices.Compact(away), []string{elsewhere}) || code != 5 { // once, or a few times
					t.Errorf("nothing forbids it, and yet: code %d, dialled %q, %s", code, away, text)
				}
				return
			}
			want := "the prompt (1 message, 24 characters) would have gone to http://" + elsewhere + " (hosted, big)"
			if len(away) != 0 || code != 7 || !strings.Contains(text, want) || strings.Contains(text, secret) {
				t.Errorf("code %d, dialled %q, %q; want 7, nothing, %q", code, away, text, want)
			}
		})
	}
}

// TestPrivacyHoldsForEveryWayToNameATarget: --local-only against whatever -m,
// --use or an environment variable names.
func TestPrivacyHoldsForEveryWayToNameATarget(t *testing.T) {
	d := &dials{}
	dir := home(t)
	file := worldConfig(t, dir, "192.0.2.1:81", "192.0.2.2", "")
	run := inProcess(httpx.WatchDials(t.Context(), d.watch))
	for _, tc := range []struct {
		args, says string
		env        map[string]string
		code       int
	}{
		{"--local-only ask -m hosted", "to http://192.0.2.1:81 (hosted, big)", nil, 7},
		{"--local-only ask -m hosted/huge", "to http://192.0.2.1:81 (hosted, huge)", nil, 7},
		{"--local-only ask -m lan", "to http://192.0.2.1:81 (lan, small)", nil, 7},
		{"--local-only ask -m local/far", "ollama.com", nil, 7},
		{"--local-only ask -m local/gpt-oss:120b-cloud", "through http://127.0.0.1:", nil, 7},
		{"--local-only ask -m local/some:cloud", "through http://127.0.0.1:", nil, 7},
		{"--local-only --use hosted,named ask", "to http://192.0.2.1:81 (hosted, big) or to http://192.0.2.2:81 (named, big)", nil, 7},
		{"--local-only --use hosted,local ask", "from here", nil, 0},
		{"--use hosted ask", "(hosted, big)", map[string]string{"TANDEM_PRIVACY": "local"}, 7},
		{"ask", "(hosted, big)", map[string]string{"TANDEM_PRIVACY": "local", "TANDEM_USE": "hosted"}, 7},
		{"--local-only ask", "from here", map[string]string{"TANDEM_PRIVACY": "any"}, 0},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, text := run(t, tc.env, slices.Concat([]string{"--config", file}, strings.Fields(tc.args), []string{secret})...)
			if code != tc.code || !strings.Contains(text, tc.says) || strings.Contains(text, secret) || strings.Contains(text, secretKey) {
				t.Errorf("code %d, want %d; %q, want %q", code, tc.code, text, tc.says)
			}
			if _, away := d.taken(); len(away) != 0 {
				t.Errorf("dialled %q", away)
			}
		})
	}
}

// TestEveryWayToWriteAnAddress: what counts is where it leads.
func TestEveryWayToWriteAnAddress(t *testing.T) {
	here := strings.TrimPrefix(ollamaHere(t), "http://127.0.0.1:")
	for host, local := range map[string]bool{
		"127.0.0.1": true, "127.0.0.2": true, "[::ffff:127.0.0.1]": true, "localhost": true,
		// Loopback by any other name: refused where this machine cannot tell it, never sent elsewhere.
		"localhost.": false, "0.0.0.0": false, "[::]": false, "2130706433": false, "0x7f000001": false, "127.1": false, "0177.0.0.1": false,
		"192.0.2.1": false, "[::ffff:192.0.2.1]": false, "3221225985": false, "0xC0000201": false, "[64:ff9b::c000:201]": false,
		"[fe80::1%25lo]": false, "169.254.169.254": false, "localhost.example.org": false, "127.0.0.1.example.org": false,
	} {
		for what, set := range map[string]map[string]string{"offline": {"offline": "true"}, "privacy": {"privacy": "local"}} {
			t.Run(what+" "+host, func(t *testing.T) {
				noNames(t)
				dir := home(t)
				file := write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(
					"use: target\nproviders:\n  - {name: target, kind: openai, base_url: \"http://%s:%s/v1\", model: big, local: true}\n", host, here))
				cfg, err := config.Load(config.LoadOptions{UserFile: file, StateDir: dir, Set: set, Env: func(string) (string, bool) { return "", false }})
				if err != nil {
					if local {
						t.Errorf("the configuration refuses it: %v", err)
					}
					return
				}
				s, err := stack.Open(cfg, stack.Options{StateDir: dir})
				if err != nil {
					t.Fatalf("the configuration takes it, and the adapter not: %v", err)
				}
				defer s.Close()
				d := &dials{}
				ctx := httpx.WatchDials(t.Context(), d.watch)
				req := provider.Request{Messages: []provider.Message{provider.User("Hi")}}
				s.Defaults(&req)
				_, err = provider.Collect(s.Chat(ctx, req))
				target, _ := s.Target("target")
				_, atSocket := provider.Collect(target.Provider.Chat(ctx, req)) // past the router's own check
				all, away := d.taken()
				if len(away) > 0 || (local && all == 0) {
					t.Errorf("%d dials, away: %q", all, away)
				}
				refused := func(err error) bool { return errors.Is(err, provider.Private) || errors.Is(err, provider.Offline) }
				if local && (refused(err) || refused(atSocket)) {
					t.Errorf("refused: %v; %v", err, atSocket)
				}
				if !local && all == 0 && (err == nil || atSocket == nil) {
					t.Errorf("an answer without a connection: %v, %v", err, atSocket)
				}
			})
		}
	}
}

// noNames makes every DNS query fail, as on a machine without a network.
func noNames(t *testing.T) {
	t.Helper()
	resolve(t, func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") })
}

func resolve(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: dial}
	t.Cleanup(func() { net.DefaultResolver = old })
}

// TestANameThatMoves: a name that leads here when it is looked at and
// elsewhere when it is dialled is refused, for it is the dialled address that
// counts.
func TestANameThatMoves(t *testing.T) {
	var asked atomic.Int64
	here, elsewhere := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	addr := nameServer(t, func() netip.Addr {
		if asked.Add(1) == 1 {
			return here
		}
		return elsewhere
	})
	resolve(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	})
	dir := home(t)
	file := write(t, filepath.Join(dir, "config.yaml"), "use: target\nproviders:\n  - {name: target, kind: openai, base_url: \"http://moves.example.org:81/v1\", model: big, local: true}\n")
	d := &dials{}
	code, text := inProcess(httpx.WatchDials(t.Context(), d.watch))(t, nil, "--config", file, "--local-only", "ask", secret)
	if _, away := d.taken(); len(away) != 0 || code != 7 || !strings.Contains(text, "192.0.2.1:81 is not on this machine") || strings.Contains(text, secret) {
		t.Errorf("code %d, dialled %q: %s", code, away, text)
	}
	if asked.Load() < 2 {
		t.Errorf("the name was looked up %d times; the test wants it looked at, and then dialled", asked.Load())
	}
}

// nameServer answers A queries by what next says, and others with nothing.
func nameServer(t *testing.T, next func() netip.Addr) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12 // the question: labels, a zero, type and class
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5
			a := bytes.Clone(buf[:end])
			a[2], a[3] = 0x81, 0x80
			copy(a[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(buf[end-4:]) == 1 { // A
				a[7] = 1
				ip := next().As4()
				a = append(append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
			}
			_, _ = c.WriteTo(a, from)
		}
	}()
	return c.LocalAddr().String()
}

// TestOneDialer reads the program's source: nothing but internal/httpx makes a
// dialer, looks a name up, or has an HTTP client of its own.
func TestOneDialer(t *testing.T) {
	root := filepath.Join("..", "..")
	forbidden := map[string][]string{
		"net": {
			"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "Dialer", "DefaultResolver",
			"LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "LookupMX", "LookupNS", "LookupSRV", "LookupTXT", "ResolveTCPAddr", "ResolveIPAddr", "ResolveUDPAddr",
		},
		"net/http":   {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Client"},
		"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
	}
	// What tests alone use may connect by itself.
	tests := []string{"internal/bench", "internal/testengine", "internal/testnodes", "internal/stacktest", "provider/providertest", "internal/gateway/gatewaytest"}
	// It looks up the name that it is to listen at, and asks its own socket whether
	// somebody listens there already.
	listens := "internal/gateway/listen"
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if e.IsDir() && (rel == "internal/httpx" || rel == listens || slices.Contains(tests, rel) || (e.Name() != ".." && e.Name() != "." && strings.HasPrefix(e.Name(), "."))) {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, imp := range f.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			if _, ok := forbidden[p]; ok {
				name := p[strings.LastIndex(p, "/")+1:]
				if imp.Name != nil {
					name = imp.Name.Name
				}
				names[name] = p
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok { // a transport says how it dials
				if sel, ok := lit.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Transport" && names[fmt.Sprint(sel.X)] == "net/http" && !dialsBy(lit) {
					t.Errorf("%s makes an http.Transport that dials by itself", rel)
				}
			}
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if ok && slices.Contains(forbidden[names[x.Name]], sel.Sel.Name) {
				if sel.Sel.Name != "Client" || rel != "internal/telemetry/upload.go" { // the type of httpx's own
					t.Errorf("%s uses %s.%s; internal/httpx is the one way out", rel, x.Name, sel.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || files < 50 {
		t.Fatalf("read %d files: %v", files, err)
	}
}

func dialsBy(lit *ast.CompositeLit) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "DialContext" {
			return true
		}
	}
	return false
}
