package tool

import (
	"slices"
	"strings"
)

// Matches reports whether pattern names t: its Ref or Name, or SERVER/* for all
// of the tools whose Ref begins with SERVER/.
func Matches(pattern string, t *Tool) bool {
	server, all := strings.CutSuffix(pattern, "/*")
	if all {
		return server != "" && strings.HasPrefix(t.Ref, server+"/")
	}
	return pattern == t.Title() || pattern == t.Name
}

// Select returns those of tools that patterns name (see [Matches]), in the order
// of patterns, each once. missing is the first pattern that names none, other
// than a SERVER/*, for a server may offer nothing; "": there is none.
func Select(tools []Tool, patterns []string) (chosen []Tool, missing string) {
	taken := make([]bool, len(tools))
	for _, p := range patterns {
		found := strings.HasSuffix(p, "/*")
		for i := range tools {
			if !Matches(p, &tools[i]) {
				continue
			}
			found = true
			if !taken[i] {
				taken[i] = true
				chosen = append(chosen, tools[i])
			}
		}
		if !found {
			return nil, p
		}
	}
	return slices.Clip(chosen), ""
}
