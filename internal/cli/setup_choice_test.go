package cli

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// An installed model that fits with a smaller window than it would be used with now is
// preferred to a download: setup writes the window that fits.
func TestAnInstalledModelThatFitsIsPreferred(t *testing.T) {
	const gib = 1 << 30
	room := preload.Room{Machine: vram.Machine{RAM: 32 * gib, RAMFree: 24 * gib, GPUs: []vram.GPU{{Name: "GPU", Total: 12 * gib, Free: 12 * gib}}}}
	for _, tc := range []struct {
		what   string
		size   int64
		fit    vram.Fit
		spills bool
	}{
		{"it fits", 5 * gib, vram.Fits, false},
		{"its window of now is too large", 5 * gib, vram.Spills, false},
		{"nor with the CPU's memory", 5 * gib, vram.Exceeds, false},
		{"its weights are too large", 14 * gib, vram.Spills, true},
		{"nobody knows", 5 * gib, "", false},
	} {
		model := stack.Installed{Fit: tc.fit, ModelInfo: provider.ModelInfo{
			Model: provider.Model{Name: "mine:latest", Size: tc.size, Context: 131072, Capabilities: []provider.Capability{provider.CanChat}},
			Metadata: map[string]any{
				"general.architecture": "llama", "llama.block_count": 32.0, "llama.embedding_length": 4096.0, "llama.attention.head_count": 32.0, "llama.attention.head_count_kv": 8.0, "llama.vocab_size": 128256.0,
			},
		}}
		list := choices(room, []stack.Installed{model})
		best := list[preferred(list)]
		if list[0].tag != "mine" && !tc.spills || best.installed == tc.spills || !tc.spills && best.window == 0 {
			t.Errorf("%s: %+v of %+v", tc.what, best, list)
		}
	}
}
