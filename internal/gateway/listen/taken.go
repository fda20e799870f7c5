package listen

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	psnet "github.com/shirou/gopsutil/v4/net"
	psprocess "github.com/shirou/gopsutil/v4/process"
)

// TakenError is an address that another process listens on.
type TakenError struct {
	Address string
	PID     int    // of that process; 0: the system does not tell this user
	Process string // its name; empty: unknown
	Tandem  bool   // it is another tandem
}

// Error says who listens.
func (e *TakenError) Error() string {
	who := "another program"
	switch {
	case e.Tandem:
		who = fmt.Sprintf("another tandem (process %d)", e.PID)
	case e.Process != "":
		who = fmt.Sprintf("%s (process %d)", e.Process, e.PID)
	case e.PID != 0:
		who = fmt.Sprintf("process %d", e.PID)
	default:
		who += ", perhaps of another user,"
	}
	return fmt.Sprintf("%s listens on %s already", who, e.Address)
}

// askTime is how long the system may take to tell who listens.
const askTime = 3 * time.Second

// taken finds out who listens on a TCP address.
func taken(ctx context.Context, address string) *TakenError {
	host, portText, _ := net.SplitHostPort(address)
	port, _ := strconv.ParseUint(portText, 10, 16)
	ip := net.ParseIP(host)
	return holder(ctx, "tcp", address, func(c psnet.ConnectionStat) bool {
		held := net.ParseIP(c.Laddr.IP) // "*" on some systems
		return c.Status == "LISTEN" && uint64(c.Laddr.Port) == port &&
			(held == nil || held.Equal(ip) || held.IsUnspecified() || ip == nil || ip.IsUnspecified())
	})
}

// takenPath finds out who listens on a Unix socket.
func takenPath(ctx context.Context, path string) *TakenError {
	return holder(ctx, "unix", "unix:"+path, func(c psnet.ConnectionStat) bool { return c.Laddr.IP == path })
}

func holder(ctx context.Context, kind, address string, is func(psnet.ConnectionStat) bool) *TakenError {
	e := &TakenError{Address: address}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	sockets, err := psnet.ConnectionsWithContext(ctx, kind)
	if err != nil {
		return e
	}
	for _, c := range sockets {
		if !is(c) || c.Pid == 0 {
			continue
		}
		e.PID = int(c.Pid)
		p, err := psprocess.NewProcessWithContext(ctx, c.Pid)
		if err != nil {
			return e
		}
		name, _ := p.NameWithContext(ctx) // "": unknown
		e.Process = printable(name)
		exe, _ := p.ExeWithContext(ctx)
		e.Tandem = isTandem(exe)
		return e
	}
	return e
}

// isTandem reports whether a program is this one, also after an update has replaced
// its file.
func isTandem(exe string) bool {
	own, err := os.Executable()
	if err != nil || exe == "" {
		return false
	}
	name := func(path string) string { return filepath.Base(strings.TrimSuffix(path, " (deleted)")) }
	return name(own) == name(exe)
}

// printable is a process's name, which it chose itself, as a message may hold it.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
}
