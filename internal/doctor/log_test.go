package doctor

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

func TestALargeLog(t *testing.T) {
	for _, tc := range []struct {
		size   int64
		keep   config.LogKeep
		status Status
		detail string
	}{
		{300 << 10, config.LogKeep{}, OK, "0.3 MiB of runs in /f"},
		{1<<30 - 1, config.LogKeep{}, OK, "1024.0 MiB"},
		{1 << 30, config.LogKeep{}, Warn, "1.0 GiB"},
		{1 << 30, config.LogKeep{Age: 1}, Warn, "1.0 GiB"},
		{5 << 30, config.LogKeep{Size: 6 << 30}, OK, "5.0 GiB"},
	} {
		c := logCheck(&config.Loaded{Config: config.Config{LogKeep: tc.keep}}, "/f", tc.size)
		if c.Status != tc.status || !strings.Contains(c.Detail, tc.detail) || strings.Contains(c.Remedy, "log_keep: {size: 1GiB}") != (tc.status == Warn) {
			t.Errorf("%d bytes, %+v: %+v", tc.size, tc.keep, c)
		}
	}
}
