package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tandem-llm/tandem/internal/cli"
)

// pty opens a terminal: what is written to the first is typed at the second,
// and what the second shows can be read from the first.
func pty(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n uint32
	var ioctlErr error
	if err := raw.Control(func(fd uintptr) {
		n, ioctlErr = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
		ioctlErr = errors.Join(ioctlErr, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
	}); err != nil || ioctlErr != nil {
		t.Fatal(err, ioctlErr)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// prompted is standard error: it says when the key has been asked for.
type prompted struct {
	mu    sync.Mutex
	text  bytes.Buffer
	once  sync.Once
	asked chan struct{}
}

func (p *prompted) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.text.Write(b)
	if strings.Contains(p.text.String(), "(not shown)") {
		p.once.Do(func() { close(p.asked) })
	}
	return n, err
}

func (p *prompted) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestKeysSetAsksWithoutAnEcho types a key at a terminal.
func TestKeysSetAsksWithoutAnEcho(t *testing.T) {
	p := newPerson(t)
	keyboard, terminal := pty(t)
	errOut := &prompted{asked: make(chan struct{})}
	go func() {
		<-errOut.asked
		_, _ = io.WriteString(keyboard, canaryKey+"\r")
	}()
	code := cli.Main(context.Background(), []string{"keys", "set", "openai"}, os.Environ(), terminal, io.Discard, errOut)
	if code != 0 || strings.Contains(errOut.String(), canaryKey) || !strings.Contains(errOut.String(), "stored the key") {
		t.Errorf("%d: %s", code, errOut.String())
	}
	if !echoes(t, terminal) {
		t.Error("the terminal is left without an echo")
	}
	terminal.Close()
	shown, _ := io.ReadAll(keyboard) // ends with EIO
	if strings.Contains(string(shown), canaryKey) {
		t.Errorf("the terminal shows the key: %q", shown)
	}
	p.expect(0, "openai", "", "keys", "list")
}

// TestAnInterruptedQuestionLeavesTheEchoOn: Ctrl-C must not leave a terminal
// that shows nothing of what is typed.
func TestAnInterruptedQuestionLeavesTheEchoOn(t *testing.T) {
	p := newPerson(t)
	keyboard, terminal := pty(t)
	ctx, cancel := context.WithCancel(context.Background())
	errOut := &prompted{asked: make(chan struct{})}
	go func() {
		<-errOut.asked
		cancel()
	}()
	if code := cli.Main(ctx, []string{"keys", "set", "openai"}, os.Environ(), terminal, io.Discard, errOut); code != 130 {
		t.Errorf("%d: %s", code, errOut.String())
	}
	if !echoes(t, terminal) {
		t.Error("the terminal is left without an echo")
	}
	_, _ = io.WriteString(keyboard, "\r") // lets the reader go

	keyboard, terminal = pty(t)
	errOut = &prompted{asked: make(chan struct{})}
	go func() {
		<-errOut.asked
		_, _ = io.WriteString(keyboard, "half\x03")
	}()
	if code := cli.Main(context.Background(), []string{"keys", "set", "openai"}, os.Environ(), terminal, io.Discard, errOut); code != 130 || !echoes(t, terminal) {
		t.Errorf("Ctrl-C: %d: %s", code, errOut.String())
	}
	p.expect(0, "[]", "", "keys", "list", "--json")
}
