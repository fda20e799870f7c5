package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/connect"
)

// patience is how long a client may take for a case.
const patience = 3 * time.Minute

// runner runs clients. The directories are those of scripts/clients.sh.
type runner struct {
	tandem, scripts         string
	py, sdk, agents, ollama string
}

// client is a program that asks.
type client struct {
	name      string // of -only
	label, of string // the row's name, with % for the version of this package; see versions
	noTools   bool   // it has none, so there is no caseTool
	// command is what to run for a case. base is the gateway, home an empty directory.
	command func(r *runner, base, home, model string) *exec.Cmd
}

func (c *client) skips(name string) bool { return name == caseTool && c.noTools }

// outcome is what came of a client's case.
type outcome struct {
	questions, titles int // that reached the engine
	seconds           float64
	said              string // by the client, and what it asked
	problem           string // "" is none
}

// cell is the outcome in the page's table.
func (o *outcome) cell() string {
	if o.titles > 0 {
		return fmt.Sprintf("%d+%d", o.questions, o.titles)
	}
	return fmt.Sprint(o.questions)
}

// differs says what is wrong about a cell where the page has another. There may be
// fewer titles than it says: a client that is done first does not ask for one.
func differs(page, cell string) string {
	pageQuestions, pageTitles := parts(page)
	questions, titles := parts(cell)
	if questions != pageQuestions || titles > pageTitles {
		return fmt.Sprintf("it asked %s times, and docs/clients.md has %q", cell, page)
	}
	return ""
}

func parts(cell string) (questions string, titles int) {
	questions, after, _ := strings.Cut(cell, "+")
	titles, _ = strconv.Atoi(after) // 0 where there are none
	return questions, titles
}

// try runs a client for a case.
func (r *runner) try(c *client, name string) outcome {
	home, err := os.MkdirTemp("", "clients-*")
	if err != nil {
		return outcome{problem: err.Error()}
	}
	defer func() { connect.EndLeft(home); _ = os.RemoveAll(home) }() // Cline leaves a daemon behind
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, base, stop, err := r.start(ctx, home)
	if err != nil {
		return outcome{problem: err.Error()}
	}
	defer stop()
	began := time.Now()
	out, err := runWithin(ctx, c.command(r, base, home, name))
	o := outcome{seconds: time.Since(began).Seconds(), said: string(out)}
	for _, q := range e.asked() {
		if q.isTitle() {
			o.titles++
		} else {
			o.questions++
		}
		o.said += "\n" + q.String()
	}
	if err != nil {
		o.said += "\n" + err.Error()
	}
	o.problem = judge(name, string(out), err, &o)
	return o
}

// mostGenerations is how often the engine may begin an answer to one question that fails.
const mostGenerations = 2

// judge says what is wrong with an outcome.
func judge(name, out string, err error, o *outcome) string {
	whole := strings.Contains(out, said)
	most := mostGenerations
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it goes on and on"
	case name == casePrompt || name == caseTool:
		if !whole {
			return "the answer is not there"
		}
		if err != nil {
			return "it fails"
		}
		if most = 1; name == caseTool {
			most = 2
		}
	case whole:
		return "a whole answer came of a failure"
	case err == nil:
		return "it ends as if all were well"
	case name == caseBusy:
		return "" // the engine has generated nothing
	}
	if o.questions > most || o.titles > mostGenerations {
		return "it asked too often: " + o.cell()
	}
	return ""
}

// escapes are the sequences with which a program moves a terminal's cursor.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

func runWithin(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	limited := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	limited.Env, limited.Dir, limited.WaitDelay = cmd.Env, cmd.Dir, 2*time.Second
	out, err := limited.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return escapes.ReplaceAll(out, nil), err
}

// start starts an engine and a gateway in front of it, and says where that is.
func (r *runner) start(ctx context.Context, home string) (e *engine, base string, stop func(), err error) {
	if e, err = startEngine(); err != nil {
		return nil, "", nil, err
	}
	base, stopGateway, err := r.serve(ctx, home, e)
	if err != nil {
		e.stop()
		return nil, "", nil, err
	}
	return e, base, func() { stopGateway(); e.stop() }, nil
}

// serve starts a gateway that does not ask the engine again by itself.
func (r *runner) serve(ctx context.Context, home string, e *engine) (base string, stop func(), err error) {
	file := filepath.Join(home, "tandem.yaml")
	chains, err := putChains(home)
	if err != nil {
		return "", nil, err
	}
	configuration := fmt.Sprintf("use: [engine]\nretries: 0\ngateway: {chains: '"+chains+"'}\nproviders:\n- {name: engine, kind: openai, base_url: 'http://%s/v1', model: %s, local: true}\n", e.address, casePrompt)
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, r.tandem, "serve", "--listen", "127.0.0.1:0", "--config", file)
	cmd.Env = environment(home)
	said := &firstURL{found: make(chan string, 1)}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	select {
	case base = <-said.found:
		return base, stop, nil
	case <-ended:
		return "", nil, fmt.Errorf("tandem serve does not start: %s", said.all)
	case <-ctx.Done():
		stop()
		return "", nil, fmt.Errorf("tandem serve is not ready in time: %s", said.all)
	}
}

// putChains makes a folder with a chain for each case.
func putChains(home string) (dir string, err error) {
	dir = filepath.Join(home, "chains")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range cases {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte("prompt: '{question}'\nmodel: "+name+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// firstURL finds the address in what tandem says.
type firstURL struct {
	all   string
	found chan string
	done  bool
}

func (f *firstURL) Write(p []byte) (int, error) {
	f.all += string(p)
	if i := strings.Index(f.all, "http://"); i >= 0 && !f.done {
		if line, _, ok := strings.Cut(f.all[i:], "\n"); ok {
			f.done = true
			f.found <- strings.TrimSpace(line)
		}
	}
	return len(p), nil
}

// environment is one with nothing of the user's in it but where programs are.
func environment(home string, more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home + "/config", "XDG_DATA_HOME=" + home + "/data",
		"XDG_STATE_HOME=" + home + "/state", "XDG_CACHE_HOME=" + home + "/cache", "TERM=dumb", "NO_COLOR=1", "CI=1",
	}, more...)
}
