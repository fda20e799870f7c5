package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// A host is drained while a file of its name is in the state directory: all processes
// see it at their next call, and none has to be told.

func drainFile(dir, name, host string) string {
	return filepath.Join(dir, "drained", name, url.QueryEscape(host))
}

// drained reports whether a host takes no new calls.
func drained(dir, name, host string) bool {
	_, err := os.Stat(drainFile(dir, name, host))
	return err == nil
}

// SetDrained has a host of a provider take no new calls, in any process, or take them
// again. Calls under way go on. It reports whether that changed anything. Errors:
// Invalid, where there is no such host.
func (s *Stack) SetDrained(name, host string, drain bool) (changed bool, err error) {
	t, ok := s.Target(name)
	if !ok {
		return false, provider.Errorf(provider.Invalid, name, "", "no such provider")
	}
	names := t.Config.HostNames()
	if !slices.Contains(names, host) {
		return false, provider.Errorf(provider.Invalid, name, "", "no such host: %s; there are: %s", host, strings.Join(names, ", "))
	}
	dir := s.options.StateDir
	if dir == "" {
		return false, errors.New("there is no directory to keep it in")
	}
	file := drainFile(dir, name, host)
	if drain == drained(dir, name, host) {
		return false, nil
	}
	if drain {
		if err = os.MkdirAll(filepath.Dir(file), 0o700); err == nil {
			err = os.WriteFile(file, nil, 0o600)
		}
	} else if err = os.Remove(file); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("draining %s/%s: %w", name, host, err)
	}
	return true, nil
}
