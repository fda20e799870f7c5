package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/internal/cli"
)

// TestMain makes the test binary serve as tandem too: scripts, and the
// supervisor of a managed engine, run it as the program.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"tandem": tandem, "mcp-server": mcpServer})
}

// tandem is the program, on a disk with 100 GiB of free space, or what FREE_DISK_GIB says.
func tandem() {
	gib := uint64(100)
	if n, err := strconv.ParseUint(os.Getenv("FREE_DISK_GIB"), 10, 32); err == nil {
		gib = n
	}
	cli.FreeSpace(gib << 30)
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// leakChecked fails a run that leaves goroutines.
type leakChecked struct{ *testing.M }

func (l leakChecked) Run() int {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // under nohup, the programs that are started would ignore it, too
	code := l.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}
