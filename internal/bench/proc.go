package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// What Linux tells of a process. Elsewhere all of it is 0: not known.

// Memory is a process's, in KiB.
type Memory struct {
	Resident int64 `json:"resident_kib"`
	// Private is the part that is no file's: the program itself is one, and the system
	// may drop what it has in memory of that.
	Private int64 `json:"private_kib"`
}

func memoryOf(pid int) Memory {
	file := "/proc/" + strconv.Itoa(pid) + "/status"
	return Memory{Resident: kibIn(file, "VmRSS:"), Private: kibIn(file, "RssAnon:")}
}

// rss is the memory of this process, in KiB.
func rss() int64 { return kibIn("/proc/self/status", "VmRSS:") }

// kibIn is the number behind a word in a file.
func kibIn(file, word string) int64 {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, word); ok {
			n, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			return n
		}
	}
	return 0
}

// tick is the unit of processor time in /proc.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that a process has used.
func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])) // the program's name may have blanks
	const user, system = 11, 12
	if len(fields) <= system {
		return 0
	}
	u, _ := strconv.ParseInt(fields[user], 10, 64)
	s, _ := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick
}
