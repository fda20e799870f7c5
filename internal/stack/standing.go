package stack

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/provider/pool"
)

// What a process finds out about a host by its calls is kept in a file of the state
// directory for those who want to know how the host is. Processes do not act on what
// others have found out. Texts of servers, which may quote a prompt, are not kept.

// HostReport is what a process has found out about a host.
type HostReport struct {
	PID int       `json:"pid"`
	At  time.Time `json:"at"`
	pool.Standing
}

const (
	// reportFor is how long a failure is kept, and mostReports of how many processes.
	reportFor   = time.Hour
	mostReports = 16
	// reportEvery is how often failures alone are written.
	reportEvery = time.Second
	largeReport = 1 << 20 // bytes of a file
)

func reportFile(dir, name, host string) string {
	return filepath.Join(dir, "hosts", name, url.QueryEscape(host)+".json")
}

// reporter writes what this process finds out about the hosts of a provider.
type reporter struct {
	dir, name string

	mu   sync.Mutex
	last map[string]HostReport // as it was written
}

// note writes a host's standing. What cannot be written is left out: it is for people who
// look, and no call depends on it.
func (r *reporter) note(host string, s pool.Standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	own, known := r.last[host]
	if known && s.Good(now) == own.Good(now) && len(s.Refusals) == len(own.Refusals) && now.Sub(own.At) < reportEvery {
		return
	}
	if f := s.LastFailure; f != nil {
		s.LastFailure = &pool.Failure{At: f.At, Model: f.Model, Kind: f.Kind}
	}
	own = HostReport{PID: os.Getpid(), At: now, Standing: s}
	r.last[host] = own
	file := reportFile(r.dir, r.name, host)
	all := slices.DeleteFunc(readReports(file, now), func(o HostReport) bool { return o.PID == own.PID })
	all = append(all[max(0, len(all)-mostReports+1):], own)
	text, err := json.Marshal(all)
	if err == nil {
		_ = files.Replace(file, text, 0o600)
	}
}

// readReports are those in a file that still say something, the oldest first.
func readReports(file string, now time.Time) []HostReport {
	text, err := files.Read(file, largeReport)
	if err != nil {
		return nil
	}
	var all []HostReport
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(r HostReport) bool { return now.Sub(r.At) > reportFor && r.Good(now) })
}

// HostReports are what other processes of the user have found out about a host of a
// provider, the oldest first.
func (s *Stack) HostReports(name, host string) []HostReport {
	if s.options.StateDir == "" {
		return nil
	}
	return slices.DeleteFunc(readReports(reportFile(s.options.StateDir, name, host), time.Now()), func(r HostReport) bool { return r.PID == os.Getpid() })
}
