package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/vram"
)

func TestModels(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, AsOf); err != nil {
		t.Error(err)
	}
	models := Models()
	if !slices.IsSortedFunc(models, func(a, b Model) int { return int(a.Size - b.Size) }) {
		t.Error("the smallest is not first")
	}
	tag := regexp.MustCompile(`^[a-z0-9.-]+:[a-z0-9.-]+$`)
	ranks, tags := map[int]bool{}, map[string]bool{}
	for _, m := range models {
		switch {
		case !tag.MatchString(m.Tag), ollamahost.CloudModel(m.Tag), tags[m.Tag]:
			t.Errorf("%q is not a tag of a local model, or is there twice", m.Tag)
		case m.Size <= 0, m.KVPerToken <= 0, m.KVFixed < 0, m.Context < leastWindow, m.Source == "":
			t.Errorf("%s lacks figures: %+v", m.Tag, m)
		case m.Rank <= 0, ranks[m.Rank]:
			t.Errorf("%s: rank %d is there twice", m.Tag, m.Rank)
		}
		ranks[m.Rank], tags[m.Tag] = true, true
	}
}

// What `ollama launch` warns of is not proposed (cmd/launch/deprecated_models.go).
func TestNothingIsProposedThatOllamaWarnsOf(t *testing.T) {
	for _, m := range Models() {
		family, _, _ := strings.Cut(m.Tag, ":")
		for _, bad := range []string{"codellama", "qwen2.5", "qwen2.5-coder", "llama3", "llama3.1", "llama3.2", "llama3.3", "mistral", "starcoder", "starcoder2", "deepseek-r1"} {
			if family == bad {
				t.Errorf("%s is proposed", m.Tag)
			}
		}
	}
}

// The first proposal for each sort of machine. A GPU's free memory is what its
// driver reports on a fresh start, in MiB.
func TestPropose(t *testing.T) {
	const mib, gib = int64(1) << 20, int64(1) << 30
	gpu := func(free int64) vram.Machine {
		return vram.Machine{RAM: 32 * gib, RAMFree: 24 * gib, GPUs: []vram.GPU{{Name: "GPU", Total: free + 300*mib, Free: free}}}
	}
	cpu := func(total, free int64) vram.Machine { return vram.Machine{RAM: total, RAMFree: free} }
	mac := func(total, free int64) vram.Machine {
		return vram.Machine{RAM: total, RAMFree: free, OtherGPU: "Apple's", Shared: true}
	}
	for _, tc := range []struct {
		name    string
		machine vram.Machine
		reclaim vram.Reclaim
		tag     string
		window  int
	}{
		{"4 GB GPU", gpu(3903 * mib), vram.Reclaim{}, "granite4.1:3b", 8192},
		{"6 GB GPU", gpu(5921 * mib), vram.Reclaim{}, "qwen3.5:4b", 32768},
		{"8 GB GPU", gpu(7900 * mib), vram.Reclaim{}, "qwen3.5:9b", 16384},
		{"8 GB GPU with a desktop", gpu(7550 * mib), vram.Reclaim{}, "qwen3.5:9b", 8192},
		{"12 GB GPU", gpu(11900 * mib), vram.Reclaim{}, "qwen3.5:9b", 65536},
		{"16 GB GPU", gpu(15900 * mib), vram.Reclaim{}, "gpt-oss:20b", 32768},
		{"24 GB GPU", gpu(24100 * mib), vram.Reclaim{}, "qwen3.8:27b", 32768},
		{"24 GB GPU where a model is loaded", gpu(6000 * mib), vram.Reclaim{VRAM: 18 * gib}, "qwen3.8:27b", 65536},
		{"48 GB GPU", gpu(48200 * mib), vram.Reclaim{}, "qwen3.8:27b", 131072},
		{"80 GB GPU", gpu(80600 * mib), vram.Reclaim{}, "gpt-oss:120b", 131072},
		{"two of 12 GB", vram.Machine{RAM: 64 * gib, RAMFree: 50 * gib, GPUs: []vram.GPU{{Free: 11900 * mib}, {Free: 11900 * mib}}}, vram.Reclaim{}, "qwen3.8:27b", 32768},
		{"a GPU for the screen", gpu(400 * mib), vram.Reclaim{}, "qwen3.5:4b", 32768},
		{"CPU, 4 GB", cpu(4*gib, 3*gib), vram.Reclaim{}, "smollm2:135m", 8192},
		{"CPU, 8 GB", cpu(8*gib, 6*gib), vram.Reclaim{}, "granite4.1:3b", 8192},
		{"CPU, 16 GB", cpu(16*gib, 13*gib), vram.Reclaim{}, "qwen3.5:4b", 32768},
		{"CPU, 64 GB", cpu(64*gib, 60*gib), vram.Reclaim{}, "qwen3.5:4b", 32768},
		{"a GPU that nobody can read", vram.Machine{RAM: 16 * gib, RAMFree: 13 * gib, OtherGPU: "one"}, vram.Reclaim{}, "qwen3.5:4b", 32768},
		{"Mac, 16 GB", mac(16*gib, 11*gib), vram.Reclaim{}, "qwen3.5:9b", 65536},
		{"Mac, 36 GB", mac(36*gib, 28*gib), vram.Reclaim{}, "qwen3.8:27b", 65536},
		{"Mac, 128 GB", mac(128*gib, 110*gib), vram.Reclaim{}, "gpt-oss:120b", 131072},
		{"nothing fits", cpu(gib, 500*mib), vram.Reclaim{}, "", 0},
		{"nothing is known", vram.Machine{}, vram.Reclaim{}, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list := Propose(tc.machine, tc.reclaim)
			var first Proposal
			if len(list) > 0 {
				first = list[0]
			}
			if first.Tag != tc.tag || first.Window != tc.window {
				t.Errorf("%s with %d, want %s with %d", first.Tag, first.Window, tc.tag, tc.window)
			}
			for i, p := range list {
				if p.Window > p.Context || p.Window < leastWindow {
					t.Errorf("%s with a window of %d", p.Tag, p.Window)
				}
				if i > 0 && p.Rank >= list[i-1].Rank {
					t.Error(fmt.Sprint("not the best first: ", list))
				}
			}
		})
	}
}
