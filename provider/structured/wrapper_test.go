package structured_test

import (
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/structured"
)

func TestItChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(_ *testing.T, inner provider.Provider) provider.Provider {
		return structured.New(inner, structured.Config{})
	})
}
