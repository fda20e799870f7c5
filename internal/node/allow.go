package node

import (
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// allows is why a chain cannot have its tools here, as far as that is known before the
// programs that offer them are started; nil: it may. wanted are the patterns of the chain.
func (h *Host) allows(wanted []string) error {
	for _, pattern := range wanted {
		if !h.mayAllow(pattern) {
			return notAllowed(pattern)
		}
	}
	return nil
}

// mayAllow reports whether a tool that a chain names, as SERVER/TOOL or SERVER/*, may be
// allowed here: see [tool.Matches].
func (h *Host) mayAllow(wanted string) bool {
	server, name, _ := strings.Cut(wanted, "/")
	for _, allowed := range h.AllowTools {
		of, what, full := strings.Cut(allowed, "/")
		if !full && strings.HasPrefix(allowed, strings.ReplaceAll(server, ".", "_")+"__") { // as a model calls it
			return true
		}
		if full && of == server && (what == "*" || name == "*" || what == name) {
			return true
		}
	}
	return false
}

func notAllowed(name string) error {
	return provider.Errorf(provider.Unsupported, "", "", "it uses the tool %s, which this node does not allow", name)
}
