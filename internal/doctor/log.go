package doctor

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
)

// largeLog is the size, in bytes, from which an unbounded log is warned of.
const largeLog = 1 << 30

// logChecks reports the log's size; nothing where there is no log yet, or where its
// database cannot be opened, which is a check of its own.
func logChecks(ctx context.Context, cfg *config.Loaded, s *stack.Stack) []Check {
	file, size, err := s.LogSize(ctx)
	if err != nil || size == 0 {
		return nil
	}
	return []Check{logCheck(cfg, file, size)}
}

func logCheck(cfg *config.Loaded, file string, size int64) Check {
	c := Check{Name: "log", Status: OK, Detail: fmt.Sprintf("%s of runs in %s", mib(size), file)}
	if size >= largeLog && cfg.LogKeep.Size == 0 {
		c.Status = Warn
		c.Remedy = "set `log_keep: {size: 1GiB}` or `log_keep: {age: 90d}` in your configuration, or run `tandem logs clear --older-than 90d`"
	}
	return c
}

func mib(n int64) string {
	if n >= 1<<30 {
		return gib(n)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
