package engine

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	psnet "github.com/shirou/gopsutil/v4/net"
	psprocess "github.com/shirou/gopsutil/v4/process"
)

// tokenVariable is in the environment of a server and of its runners: a random
// name that is in the state file too. Another program has it under no
// process id.
const tokenVariable = "TANDEM_ENGINE_TOKEN"

func newToken() string { return rand.Text() }

// processFacts are what the system says of a process id now. The zero value of a field
// is a fact that could not be learned.
type processFacts struct {
	self, parent int      // ids of the process that asks, and of its parent
	birth        string   // see birthOf; "": no such process, or it has ended
	exe          string   // path of the program that runs
	binary       string   // what the state's binary resolves to
	leads        bool     // the process leads a group of its own
	env          []string // of the process
	listens      bool     // it listens on the engine's host; looked for only where env is unknown
}

// owned decides whether the process that a state names is the server that this
// engine's supervisor started, and if not, why. A process id and a start time do
// not prove that: a state file may be from before a reboot, from another
// container, or edited. So the program must be the one that the supervisor saw
// when the server first answered (until then, the binary itself), and the
// process must bear the state's token, or, where a system does not tell a
// process's environment, listen on the engine's host. What cannot be learned
// proves nothing.
func owned(st state, f processFacts) (ok bool, why string) {
	exe := cmp.Or(st.Exe, f.binary)
	switch {
	case st.PID <= 1:
		return false, "its process id cannot be a server's"
	case st.PID == f.self || st.PID == f.parent:
		return false, "its process id is that of tandem itself, or of what started it"
	case f.birth == "":
		return false, "the process has ended"
	case st.Birth == "" || f.birth != st.Birth:
		return false, "the process started at another time than the server"
	case exe == "" || st.Token == "":
		return false, "the state file is incomplete"
	case f.exe == "":
		return false, "the system does not show which program the process runs"
	case program(f.exe) != program(exe):
		return false, fmt.Sprintf("the process runs %s, not %s", f.exe, exe)
	case !f.leads:
		return false, "the process is not a group leader"
	case len(f.env) > 0 && !slices.Contains(f.env, tokenVariable+"="+st.Token):
		return false, "the process was not started with the state's token"
	case len(f.env) == 0 && !f.listens:
		return false, "the process does not listen on the engine's host"
	}
	return true, ""
}

// program is the path of a running program, also after an update has replaced
// its file, which Linux then tells.
func program(exe string) string { return strings.TrimSuffix(exe, " (deleted)") }

// inspectProcess asks the system about the process that a state names.
func (e *Engine) inspectProcess(st state) processFacts {
	f := processFacts{self: os.Getpid(), parent: os.Getppid()}
	if st.PID <= 1 {
		return f
	}
	var err error
	if f.birth, err = birthOf(st.PID); err != nil || f.birth != st.Birth {
		return f // nothing else matters then
	}
	f.binary, _ = filepath.EvalSymlinks(st.Binary) // "": it is gone
	f.exe, f.leads, f.env = exeOf(st.PID), leads(st.PID), environOf(st.PID)
	if len(f.env) == 0 {
		f.listens = listens(st.PID, e.cfg.Host)
	}
	return f
}

func exeOf(pid int) string {
	p, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return ""
	}
	exe, _ := p.Exe() // "": unknown
	return exe
}

func environOf(pid int) []string {
	p, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return nil
	}
	env, _ := p.Environ() // none: unknown
	return slices.DeleteFunc(env, func(kv string) bool { return kv == "" })
}

// listens reports whether a process has a listening socket on host:port.
func listens(pid int, host string) bool {
	p, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return false
	}
	sockets, err := p.Connections()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(sockets, func(s psnet.ConnectionStat) bool {
		return s.Status == "LISTEN" && (fmt.Sprintf("%s:%d", s.Laddr.IP, s.Laddr.Port) == host || fmt.Sprintf("[%s]:%d", s.Laddr.IP, s.Laddr.Port) == host)
	})
}

// leftBehind reports whether a process is a runner that the server of a state
// left when it ended: of the group that it led, and with its token. The group's
// id is not another's: an id is not given again while a group has it, and where
// it has been, the new process has no such token.
func leftBehind(pid int, st state) bool {
	return pid > 1 && pid != os.Getpid() && pid != os.Getppid() && st.PID > 1 && st.Token != "" &&
		belongs(pid, st.process) && slices.Contains(environOf(pid), tokenVariable+"="+st.Token)
}
