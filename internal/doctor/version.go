package doctor

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

const windows = runtime.GOOS == "windows"

// The versions that matter.
const (
	oldestServed = "0.11.0" // tandem's requests need what came with it
	oldestSafe   = "0.17.1" // before it: known vulnerabilities
)

// versionCheck judges the server's version.
func versionCheck(name, version string) Check {
	c := Check{Name: name + ": version", Status: OK, Detail: version}
	switch {
	case version == "0.0.0":
		c.Detail = "built from source, without a version"
	case len(numbers(version)) == 0:
		c.Status, c.Detail = Warn, fmt.Sprintf("%q is not a comparable version", version)
		c.Remedy = "check that it is Ollama " + oldestSafe + " or newer"
	case olderThan(version, oldestServed):
		c.Status = Fail
		c.Detail = fmt.Sprintf("%s is older than %s, which tandem needs, and has known vulnerabilities", version, oldestServed)
		c.Remedy = "upgrade Ollama: https://ollama.com/download"
	case olderThan(version, oldestSafe):
		c.Status = Warn
		c.Detail = fmt.Sprintf("%s has known vulnerabilities, fixed in %s", version, oldestSafe)
		c.Remedy = "upgrade Ollama: https://ollama.com/download"
	}
	return c
}

// olderThan compares dotted versions by number; what follows a - or + is ignored.
func olderThan(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m = x[i]
		}
		if i < len(y) {
			n = y[i]
		}
		if m != n {
			return m < n
		}
	}
	return false
}

func numbers(v string) []int {
	v = strings.TrimPrefix(v, "v")
	if i := strings.IndexAny(v, "-+"); i >= 0 {
		v = v[:i]
	}
	var out []int
	for _, part := range strings.Split(v, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out
}
