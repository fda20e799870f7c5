package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// mcpChecks look at the servers of tools: whether a program is there, which is not
// started, and whether a URL answers that may be reached. Without tools there are
// answers still, so nothing here fails.
func mcpChecks(ctx context.Context, cfg *config.Loaded, s *stack.Stack) (checks []Check) {
	for _, m := range cfg.MCPServers {
		c := Check{Name: "mcp server " + m.Name, Status: OK}
		written := m.Env
		if m.URL != "" {
			written = m.Headers
		}
		if _, err := cfg.Values(written); err != nil {
			c.Status = Warn
			c.Detail, c.Remedy, _ = strings.Cut(err.Error(), "; ")
		} else if m.URL != "" {
			mcpURL(ctx, s, &m, &c)
		} else {
			mcpProgram(&m, &c)
		}
		checks = append(checks, c)
	}
	return checks
}

// mcpProgram looks for a server's program.
func mcpProgram(m *config.MCPServer, c *Check) {
	program := m.Command[0]
	path, err := exec.LookPath(program)
	if err == nil {
		c.Detail = path + "; it is started when its tools are used"
		return
	}
	c.Status = Warn
	there := fmt.Sprintf("the `command` of %s under `mcp_servers`", m.Name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		c.Detail, c.Remedy = program+" is not an executable program", fmt.Sprintf("make it one (chmod +x %s), or correct %s", program, there)
	case filepath.IsAbs(program):
		c.Detail, c.Remedy = program+" does not exist", "install it, or correct "+there
	default:
		c.Detail, c.Remedy = program+" is in no directory of PATH", "install it, or write its full path into "+there
	}
}

// mcpURL lists the tools of a server that is reached by its URL.
func mcpURL(ctx context.Context, s *stack.Stack, m *config.MCPServer, c *Check) {
	offered, err := withTimeout(ctx, func(ctx context.Context) (int, error) {
		tools, done, err := s.Tools(ctx, []string{m.Name + "/*"})
		if err != nil {
			return 0, err
		}
		defer done()
		return len(tools), nil
	})
	there := fmt.Sprintf("of %s under `mcp_servers`", m.Name)
	switch {
	case err == nil:
		c.Detail = fmt.Sprintf("%s answers and has %d tools", m.URL, offered)
		if offered == 1 {
			c.Detail = m.URL + " answers and has 1 tool"
		}
		return
	case errors.Is(err, provider.Private), errors.Is(err, provider.Offline):
		c.Detail, c.Remedy = m.URL+" is not asked: it is not on this machine (privacy: local, or offline)", "remove it, if its tools are not wanted here"
	case errors.Is(err, provider.Denied):
		c.Detail, c.Remedy = err.Error(), "correct the `headers` "+there
	default:
		c.Detail, c.Remedy = err.Error(), "start it, or correct the `url` "+there
	}
	c.Status = Warn
}
