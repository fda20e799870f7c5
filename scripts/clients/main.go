// Clients runs real clients against `tandem serve` in front of a scripted engine, and
// says what each costs: one prompt, one tool call, one cut, one busy engine, one window
// that is too small.
//
//	go run ./scripts/clients -tandem BIN -packages DIR [-only NAME]
//
// DIR has the packages that scripts/clients.sh installs. It ends with 1 where a client
// does not get what it should, or asks the engine more than it may.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mostQuestions is how often the engine may generate for one question that fails.
const mostQuestions = 2

// patience is how long a client may take for a case.
const patience = 90 * time.Second

func main() {
	var r runner
	flag.StringVar(&r.tandem, "tandem", "", "the program to test")
	flag.StringVar(&r.packages, "packages", "", "the directory with the clients' packages")
	flag.StringVar(&r.only, "only", "", "only the client of this name")
	flag.BoolVar(&r.verbose, "v", false, "show what the clients say")
	flag.Parse()
	r.here = "scripts/clients"
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

type runner struct {
	tandem, packages, only, here string
	verbose                      bool
	engine                       *engine
}

// client is a program that asks.
type client struct {
	name string
	// extra are questions besides the user's own, such as one for a title.
	extra int
	// command is what to run for a case. base is the gateway, home an empty directory.
	command func(r *runner, base, home, model string) *exec.Cmd
}

func (r *runner) run() error {
	e, err := startEngine()
	if err != nil {
		return err
	}
	r.engine = e
	fmt.Printf("%-22s %-8s %9s %7s  %s\n", "client", "case", "questions", "seconds", "outcome")
	failed := 0
	for _, c := range clients {
		if r.only != "" && r.only != c.name {
			continue
		}
		for _, model := range cases {
			if problem := r.try(c, model); problem != "" {
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d cases failed", failed)
	}
	return nil
}

// try runs a client for a case, prints what came of it, and returns what is wrong.
func (r *runner) try(c client, model string) (problem string) {
	home, err := os.MkdirTemp("", "clients-*")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.RemoveAll(home) }() // of a client that is still at work some may stay
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	base, stop, err := r.serve(ctx, home)
	if err != nil {
		return err.Error()
	}
	defer stop()
	r.engine.count()
	began := time.Now()
	cmd := c.command(r, base, home, model)
	out, err := runWithin(ctx, cmd)
	n := r.engine.count()
	problem = judge(c, model, string(out), err, n)
	outcome := "as it should"
	if problem != "" {
		outcome = "WRONG: " + problem
	} else if model != casePrompt && model != caseTool {
		outcome = "fails, and says so"
	}
	fmt.Printf("%-22s %-8s %9d %7.1f  %s\n", c.name, model, n, time.Since(began).Seconds(), outcome)
	if problem != "" || r.verbose {
		fmt.Println(indent(string(out)), err)
	}
	return problem
}

// judge says what is wrong with an outcome.
func judge(c client, model, out string, err error, questions int) string {
	switch model {
	case casePrompt:
		if !strings.Contains(out, said) {
			return "the answer is not there"
		}
		if questions > 1+c.extra {
			return "it asked too often"
		}
	case caseTool:
		if !strings.Contains(out, said) {
			return "the answer after the tool is not there"
		}
		if questions > 2+c.extra {
			return "it asked too often"
		}
	default:
		if strings.Contains(out, said) {
			return "a whole answer came of a failure"
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return "it goes on and on"
		case err == nil:
			return "it ends as if all were well"
		}
		if model == caseCut && questions > mostQuestions*(1+c.extra) {
			return "it asked too often"
		}
	}
	return ""
}

func runWithin(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	limited := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	limited.Env, limited.Dir, limited.WaitDelay = cmd.Env, cmd.Dir, 2*time.Second
	out, err := limited.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}

// serve starts the gateway before the engine, and says where it is.
func (r *runner) serve(ctx context.Context, home string) (base string, stop func(), err error) {
	file := filepath.Join(home, "tandem.yaml")
	configuration := fmt.Sprintf("use: [engine]\nretries: 0\nproviders:\n- {name: engine, kind: openai, base_url: 'http://%s/v1', model: %s, local: true}\n", r.engine.address, casePrompt)
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
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	select {
	case base = <-said.found:
		return base, stop, nil
	case <-time.After(20 * time.Second):
		stop()
		return "", nil, fmt.Errorf("tandem serve does not start: %s", said.all)
	}
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

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ")
}
