// Package catalog lists what `tandem setup` proposes: models of Ollama's library
// that fit a machine, and servers that can be a fallback. It is a copy of public
// facts with a date, and makes no call.
package catalog

import (
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// AsOf is the day of the facts in this package.
const AsOf = "2026-11-28"

// Model is one of Ollama's library. All of them chat.
type Model struct {
	Tag     string // as `ollama pull` takes it
	Size    int64  // of the download, in bytes
	Context int    // the largest window, in tokens
	// KVPerToken is what a token of the window takes, in bytes with f16, and
	// KVFixed what is taken whatever the window.
	KVPerToken, KVFixed int64
	Can                 []provider.Capability // besides chat
	// Toy says that it is there to try the program, and for nothing else.
	Toy bool
	// Rank orders by quality: of two that fit, the higher one is proposed.
	Rank   int
	Source string
}

// Models returns the models, smallest first. Ollama's own list of models that do
// not work well with agents (cmd/launch/deprecated_models.go: codellama, qwen2.5,
// llama3 to 3.3, mistral, starcoder, deepseek-r1) is left out, and so is what has
// no published figures for its memory.
//
// Sizes are those of `ollama list`. Bytes per token are 2 × layers × KV heads × head
// size × 2, over the layers with full attention, from the models' configurations.
func Models() []Model {
	const (
		tools    = provider.CanTools
		thinking = provider.CanThink
		vision   = provider.CanVision
	)
	return []Model{
		{
			Tag: "smollm2:135m", Size: 270e6, Context: 8192, KVPerToken: 23040, Toy: true, Rank: 1,
			Source: "model configuration of SmolLM2-135M-Instruct; ollama list",
		},
		{
			Tag: "qwen3:0.6b", Size: 520e6, Context: 40960, KVPerToken: 114688, Can: []provider.Capability{tools, thinking}, Rank: 2,
			Source: "model-catalog.yaml of gpustack/gpustack; model configuration of Qwen3-0.6B",
		},
		{
			Tag: "granite4.1:3b", Size: 2100e6, Context: 131072, KVPerToken: 81920, Can: []provider.Capability{tools}, Rank: 3,
			Source: "GGUF metadata on the library page; gallery/index.yaml of mudler/LocalAI",
		},
		{
			Tag: "qwen3.5:4b", Size: 3400e6, Context: 262144, KVPerToken: 32768, Can: []provider.Capability{tools, thinking, vision}, Rank: 4,
			Source: "GGUF metadata on the library page; model-catalog.yaml of gpustack/gpustack",
		},
		{
			Tag: "qwen3.5:9b", Size: 6590e6, Context: 262144, KVPerToken: 32768, Can: []provider.Capability{tools, thinking, vision}, Rank: 6,
			Source: "ollama/ollama issue 14745; qwen3_5 configuration in huggingface/transformers",
		},
		{
			Tag: "gemma4:e4b", Size: 9610e6, Context: 131072, KVPerToken: 16384, KVFixed: 21e6, Can: []provider.Capability{tools, thinking, vision}, Rank: 5,
			Source: "public /api/tags record; GGUF metadata on the library page",
		},
		{
			Tag: "gpt-oss:20b", Size: 13790e6, Context: 131072, KVPerToken: 24576, KVFixed: 3e6, Can: []provider.Capability{tools, thinking}, Rank: 7,
			Source: "gpt_oss configuration in huggingface/transformers; run-locally-ollama.md of openai/openai-cookbook",
		},
		{
			Tag: "gemma4:26b", Size: 17000e6, Context: 262144, KVPerToken: 20480, KVFixed: 210e6, Can: []provider.Capability{tools, thinking, vision}, Rank: 8,
			Source: "GGUF metadata on the library page gemma4:26b-a4b-it-q4_K_M",
		},
		{
			Tag: "qwen3.8:27b", Size: 17740e6, Context: 262144, KVPerToken: 65536, Can: []provider.Capability{tools, thinking, vision}, Rank: 10,
			Source: "public /api/tags record; Xinference docs; figures of Qwen3.5-27B",
		},
		{
			Tag: "qwen3.6:35b-a3b", Size: 23000e6, Context: 262144, KVPerToken: 20480, Can: []provider.Capability{tools, thinking, vision}, Rank: 9,
			Source: "ollama list; qwen3_5_moe configuration in huggingface/transformers",
		},
		{
			Tag: "gpt-oss:120b", Size: 65000e6, Context: 131072, KVPerToken: 36864, KVFixed: 5e6, Can: []provider.Capability{tools, thinking}, Rank: 11,
			Source: "gpt_oss configuration in huggingface/transformers; ollama list",
		},
	}
}

// What a batch needs while it is read, in bytes: an assumption (1 GB, less what vram
// counts for the driver), and the mask of 2,048
// tokens for each token of the window.
const (
	scratch         = 371e6
	scratchPerToken = 2 * 2048
)

// Estimate is what the model takes with a window.
func (m Model) Estimate(window int) vram.Estimate {
	cache := m.KVPerToken*int64(window) + m.KVFixed
	compute := scratch + scratchPerToken*int64(window)
	all := m.Size + cache + compute
	return vram.Estimate{Window: window, Weights: m.Size, Cache: cache, Compute: compute, Counted: all, Low: all, High: all}
}
