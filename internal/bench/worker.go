package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"time"
)

// The other processes of a bench are steered over their standard input and
// output, and end when the input does, so that none outlives the bench.
//
//	worker  reads lines "WORK N C", answers each with a line of JSON: a reply
//	server  writes one line, its base URL

// reply is a worker's answer: a sample, or that it has no such work, or what
// went wrong.
type reply struct {
	Sample
	Lacks bool   `json:"lacks,omitempty"`
	Error string `json:"error,omitempty"`
}

// errLacks says that a worker has no such work.
var errLacks = errors.New("it has no such work")

// ServeWork is the worker's side.
func ServeWork(ctx context.Context, works Works, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var r reply
		if err := r.obey(ctx, works, lines.Text()); err != nil {
			r.Error = err.Error()
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *reply) obey(ctx context.Context, works Works, line string) error {
	var name string
	var n, c int
	if _, err := fmt.Sscan(line, &name, &n, &c); err != nil {
		return fmt.Errorf("%q is not `WORK N C`", line)
	}
	work, ok := works[name]
	if !ok {
		r.Lacks = true
		return nil
	}
	var err error
	r.Sample, err = Measure(ctx, work, n, c)
	return err
}

// ServeUpstream serves the fake server on a free port until in ends.
func ServeUpstream(ctx context.Context, in io.Reader, out io.Writer) error {
	return serveUntil(ctx, Upstream(), "/v1", in, out)
}

// serveUntil serves on a free port until in ends. It writes the URL, with a suffix.
func serveUntil(ctx context.Context, h http.Handler, suffix string, in io.Reader, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	fmt.Fprintf(out, "http://%s%s\n", l.Addr(), suffix)
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	server.Close()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// process is a worker or a server, seen from the bench.
type process struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
}

// start starts a process. Its errors go to stderr.
func start(ctx context.Context, stderr io.Writer, name string, argv ...string) (*process, error) {
	p := &process{name: name, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.cmd.Stderr = stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.lines = in, bufio.NewReader(out)
	return p, p.cmd.Start()
}

// line is the next line that the process writes.
func (p *process) line() (string, error) {
	line, err := p.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s ended unasked: %w", p.name, err)
	}
	return line[:len(line)-1], nil
}

// measure has a worker do work.
func (p *process) measure(work string, n, c int) (Sample, error) {
	if _, err := fmt.Fprintf(p.in, "%s %d %d\n", work, n, c); err != nil {
		return Sample{}, fmt.Errorf("%s: %w", p.name, err)
	}
	line, err := p.line()
	if err != nil {
		return Sample{}, err
	}
	var r reply
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		return Sample{}, fmt.Errorf("%s: %w", p.name, err)
	}
	if r.Error != "" {
		return Sample{}, fmt.Errorf("%s, %s: %s", p.name, work, r.Error)
	}
	if r.Lacks {
		return Sample{}, fmt.Errorf("%s, %s: %w", p.name, work, errLacks)
	}
	return r.Sample, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	p.in.Close()
	p.cmd.Wait() //nolint:errcheck // what it had to say went to stderr
}
