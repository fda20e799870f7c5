package store

import (
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestALogChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(t *testing.T, inner provider.Provider) provider.Provider {
		w := NewWriter(New(t.TempDir()))
		t.Cleanup(func() { _ = w.Close() })
		return NewLog(inner, LogConfig{Writer: w}) // without content: it wipes texts
	})
}
