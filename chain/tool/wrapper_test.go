package tool_test

import (
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestALoopChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(_ *testing.T, inner provider.Provider) provider.Provider {
		return tool.Loop(inner, tool.Options{})
	})
}
