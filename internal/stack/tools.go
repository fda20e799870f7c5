package stack

import (
	"context"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/toolset"
)

// Tools is [toolset.Set.Tools]. The servers that it starts are shared, and stopped
// by [Stack.Close].
func (s *Stack) Tools(ctx context.Context, names []string) (tools []tool.Tool, done func(), err error) {
	return s.tools.Tools(ctx, names)
}

func (s *Stack) toolsetConfig() toolset.Config {
	return toolset.Config{
		Servers: s.cfg.MCPServers, Values: s.cfg.Values,
		Private: s.cfg.Privacy == config.PrivacyLocal, Offline: s.cfg.Offline,
		Policy: s.policy(), Here: func(ctx context.Context, url string) bool { return s.here(url)(ctx) },
		Environ: s.options.Environ, Version: s.options.Version, Secrets: s.secrets, Warn: s.warn,
	}
}
