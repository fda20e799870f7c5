package vram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// smollm is what Ollama 0.17.4 tells of SmolLM2-135M (Q4_1) at /api/show.
func smollm(t *testing.T) provider.ModelInfo {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "smollm2-135m.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Size      int64
		ModelInfo map[string]any    `json:"model_info"`
		Tensors   []provider.Tensor `json:"tensors"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return provider.ModelInfo{Model: provider.Model{Size: r.Size, Context: 8192}, Metadata: r.ModelInfo, Tensors: r.Tensors}
}

// The sizes are those of /api/ps on a CPU, measured with Ollama 0.17.4, which
// leaves out what a batch needs, and with 0.33.3, which counts it.
func TestForecastIsWhatWasMeasured(t *testing.T) {
	for version, sizes := range map[string]map[int]int64{
		"0.17.4": {256: 102475008, 512: 108373248, 1024: 120169728, 2048: 143762688, 4096: 190948608, 8192: 285320448},
		"0.33.3": {256: 110477966, 512: 124444998, 1024: 136765766, 2048: 161407302, 4096: 210690374, 8192: 333006765},
	} {
		for window, size := range sizes {
			e, err := Forecast(smollm(t), Options{Window: window, CacheType: "f16", Engine: EngineOf(version)})
			if err != nil {
				t.Fatal(err)
			}
			if ratio := float64(e.Counted) / float64(size); math.Abs(ratio-1) > 0.01 {
				t.Errorf("%s, num_ctx %d: forecast %d, measured %d: ratio %.4f, more than 1 %% off", version, window, e.Counted, size, ratio)
			}
			if size < e.Low || size > e.High || e.Total() < e.Low || e.Total() > e.High || e.Unsure != "" {
				t.Errorf("%s, num_ctx %d: %+v does not bound %d, or is not sure", version, window, e, size)
			}
		}
	}
}

// Compute buffers that llama.cpp's server of Ollama 0.33.3 logged, in hundredths
// of MiB, for models of these shapes.
func TestComputeIsWhatLlamaServerLogs(t *testing.T) {
	for name, tc := range map[string]struct {
		embedding, ffn, heads int64
		window, parallel      int
		want                  int64
	}{
		"SmolLM2-135M":                  {576, 1536, 9, 4096, 1, 1864},
		"a window smaller than a batch": {576, 1536, 9, 256, 1, 745},
		"a window for a larger batch":   {576, 1536, 9, 8192, 1, 4529},
		"four at a time":                {576, 1536, 9, 512, 4, 1514},
		"four, for a larger batch":      {576, 1536, 9, 2048, 4, 3329},
		"wide":                          {1024, 4096, 16, 2048, 1, 3602},
		"wider":                         {512, 4096, 8, 2048, 1, 3102},
		"narrow":                        {1024, 2048, 16, 2048, 1, 2402},
	} {
		info := provider.ModelInfo{Metadata: map[string]any{
			"general.architecture": "llama", "llama.block_count": 2.0, "llama.embedding_length": float64(tc.embedding),
			"llama.feed_forward_length": float64(tc.ffn), "llama.attention.head_count": float64(tc.heads), "llama.vocab_size": 49152.0,
		}}
		e, err := Forecast(info, Options{Window: tc.window, Parallel: tc.parallel, Engine: LlamaServer})
		if err != nil {
			t.Fatal(err)
		}
		outputs := int64(4 * max(tc.parallel, 1) * 49152) // has a line of its own in the log
		if got, want := e.Compute-outputs, tc.want<<20/100; float64(got) < 0.99*float64(want) || float64(got) > 1.01*float64(want) {
			t.Errorf("%s: forecast %.2f MiB, logged %.2f", name, float64(got)/(1<<20), float64(want)/(1<<20))
		}
	}
}

// all-MiniLM-L6-v2, 43.1 MiB of tensors, as both versions measure it.
func TestForecastOfAnEmbeddingModel(t *testing.T) {
	matrix := func(name string, a, b uint64) provider.Tensor {
		return provider.Tensor{Name: name, Type: "F16", Shape: []uint64{a, b}}
	}
	m := provider.ModelInfo{
		Model: provider.Model{Size: 45_900_000, Context: 512},
		Metadata: map[string]any{
			"general.architecture": "bert", "bert.block_count": 6.0, "bert.embedding_length": 384.0, "bert.feed_forward_length": 1536.0,
			"bert.attention.head_count": 12.0, "bert.attention.causal": false,
		},
		Tensors: []provider.Tensor{matrix("token_embd.weight", 384, 30522), {Name: "position_embd.weight", Type: "F32", Shape: []uint64{384, 512}}},
	}
	for i := range 6 {
		block := fmt.Sprintf("blk.%d.", i)
		m.Tensors = append(m.Tensors, matrix(block+"attn_q.weight", 384, 384), matrix(block+"attn_k.weight", 384, 384), matrix(block+"attn_v.weight", 384, 384),
			matrix(block+"attn_output.weight", 384, 384), matrix(block+"ffn_up.weight", 384, 1536), matrix(block+"ffn_down.weight", 1536, 384))
	}
	for version, size := range map[string]int64{"0.17.4": 85149696, "0.33.3": 52932115} {
		e, err := Forecast(m, Options{Window: 512, Engine: EngineOf(version)})
		if ratio := float64(e.Counted) / float64(size); err != nil || math.Abs(ratio-1) > 0.05 || e.Cache != 0 || size < e.Low || size > e.High {
			t.Errorf("%s: %+v, %v; measured %d: ratio %.4f", version, e, err, size, ratio)
		}
	}
}

func TestEngineOf(t *testing.T) {
	for version, want := range map[string]Engine{
		"0.17.4": Runner, "0.6.0-rc1": Runner, "0.29.9": Runner, "0.30.0": LlamaServer, "0.33.3": LlamaServer, "1.0.2": LlamaServer,
		"": EngineUnknown, "0.0.0": EngineUnknown, "dev": EngineUnknown,
	} {
		if got := EngineOf(version); got != want {
			t.Errorf("%q: %d, want %d", version, got, want)
		}
	}
}

// What is not known is held to neither engine's bound.
func TestAnUnknownEngineIsBoundedByBoth(t *testing.T) {
	for _, window := range []int{512, 4096, 65536} {
		var e [3]Estimate
		for i, engine := range []Engine{EngineUnknown, Runner, LlamaServer} {
			var err error
			if e[i], err = Forecast(smollm(t), Options{Window: window, CacheType: "f16", Engine: engine}); err != nil {
				t.Fatal(err)
			}
		}
		if e[0].High < max(e[1].High, e[2].High) || e[0].Low > min(e[1].Low, e[2].Low) {
			t.Errorf("%d: %+v does not bound %+v and %+v", window, e[0], e[1], e[2])
		}
	}
}

// Caches as the makers of the models state them, in bytes, with f16.
func TestForecastOfOtherArchitectures(t *testing.T) {
	const mib = 1 << 20
	for name, tc := range map[string]struct {
		meta        map[string]any
		window      int
		cache       int64
		low, high   int64 // of the cache, 0: as cache
		sureOfCache bool
	}{
		"grouped heads": { // Llama 3.1 8B
			map[string]any{"general.architecture": "llama", "llama.block_count": 32.0, "llama.embedding_length": 4096.0, "llama.attention.head_count": 32.0, "llama.attention.head_count_kv": 8.0},
			8192, 1024 * mib, 0, 0, true,
		},
		"own key length": { // Qwen3 8B
			map[string]any{"general.architecture": "qwen3", "qwen3.block_count": 36.0, "qwen3.embedding_length": 4096.0, "qwen3.attention.head_count": 32.0, "qwen3.attention.head_count_kv": 8.0, "qwen3.attention.key_length": 128.0, "qwen3.attention.value_length": 128.0},
			8192, 1152 * mib, 0, 0, true,
		},
		"a number for each layer": {
			map[string]any{"general.architecture": "openelm", "openelm.block_count": 4.0, "openelm.embedding_length": 1024.0, "openelm.attention.head_count": []any{12.0, 12.0, 16.0, 16.0}, "openelm.attention.head_count_kv": []any{3.0, 3.0, 4.0, 4.0}, "openelm.attention.key_length": 64.0, "openelm.attention.value_length": 64.0},
			4096, 2 * 64 * 14 * 2 * 4096, 0, 0, true,
		},
		"sliding windows, of which the architecture says which": { // Gemma 3 4B: 29 of 34 layers look back 1024 tokens
			map[string]any{"general.architecture": "gemma3", "gemma3.block_count": 34.0, "gemma3.embedding_length": 2560.0, "gemma3.attention.head_count": 8.0, "gemma3.attention.head_count_kv": 4.0, "gemma3.attention.key_length": 256.0, "gemma3.attention.value_length": 256.0, "gemma3.attention.sliding_window": 1024.0},
			32768, 2 * 2048 * (5*32768 + 29*1536), 0, 2 * 2048 * 34 * 32768, false,
		},
		"sliding windows, unknown which": {
			map[string]any{"general.architecture": "new", "new.block_count": 10.0, "new.embedding_length": 1024.0, "new.attention.head_count": 8.0, "new.attention.sliding_window": 512.0},
			8192, 10 * 2048 * 2 * 8192, 10 * 2048 * 2 * 1024, 10 * 2048 * 2 * 8192, false,
		},
	} {
		e, err := Forecast(provider.ModelInfo{Metadata: tc.meta}, Options{Window: tc.window, CacheType: "f16", Engine: Runner})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.Cache != tc.cache {
			t.Errorf("%s: cache %d, want %d", name, e.Cache, tc.cache)
		}
		low, high := tc.low, tc.high
		if low == 0 {
			low = tc.cache
		}
		if e.Low != low || e.High < max(high, tc.cache) {
			t.Errorf("%s: bounds %d to %d, want %d and at least %d", name, e.Low, e.High, low, max(high, tc.cache))
		}
		if sure := !strings.Contains(e.Unsure, "sliding"); sure != tc.sureOfCache {
			t.Errorf("%s: unsure of %q", name, e.Unsure)
		}
	}
}

func matrix(name string, rows uint64) provider.Tensor {
	return provider.Tensor{Name: name, Type: "F16", Shape: []uint64{64, rows}}
}

// Hybrids leave the long lists out of their metadata; the tensors tell.
func TestTensorsTellWhatMetadataLeavesOut(t *testing.T) {
	m := provider.ModelInfo{
		Metadata: map[string]any{
			"general.architecture": "hybrid", "hybrid.block_count": 4.0, "hybrid.embedding_length": 64.0, "hybrid.attention.head_count": 4.0, "hybrid.attention.head_count_kv": []any{},
			"hybrid.ssm.conv_kernel": 4.0, "hybrid.ssm.state_size": 16.0, "hybrid.ssm.inner_size": 128.0, "hybrid.ssm.group_count": 1.0,
		},
		Tensors: []provider.Tensor{
			matrix("blk.0.ssm_in.weight", 99), matrix("blk.1.ffn_up.weight", 99),
			matrix("blk.2.attn_k.weight", 32), matrix("blk.2.attn_v.weight", 48), matrix("blk.3.attn_kv_a_mqa.weight", 40),
		},
	}
	e, err := Forecast(m, Options{Window: 1000, CacheType: "f16"})
	state := int64(4 * (3*(128+2*16) + 16*128))
	if want := 2*1000*(32+48+40) + state; err != nil || e.Cache != want {
		t.Errorf("cache %d, %v; want %d", e.Cache, err, want)
	}
	if !strings.Contains(e.Unsure, "latent") || !strings.Contains(e.Unsure, "recurrent") {
		t.Errorf("unsure of %q, want latent attention and recurrent layers", e.Unsure)
	}
}

func TestForecastSaysWhatItCannot(t *testing.T) {
	for name, m := range map[string]provider.ModelInfo{
		"nothing": {}, "no layers": {Metadata: map[string]any{"general.architecture": "x"}},
		"no heads": {Metadata: map[string]any{"general.architecture": "x", "x.block_count": 4.0}},
		"remote":   {Model: provider.Model{Remote: "ollama.com"}},
		"absurd":   {Metadata: map[string]any{"general.architecture": "x", "x.block_count": 1e9}},
	} {
		if e, err := Forecast(m, Options{Window: 4096}); err == nil {
			t.Errorf("%s: got %+v, want an error", name, e)
		}
	}
}

func TestCacheTypes(t *testing.T) {
	at := func(cacheType string, parallel int) Estimate {
		e, err := Forecast(smollm(t), Options{Window: 4096, Parallel: parallel, CacheType: cacheType})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	f16, q8, unknown := at("f16", 0), at("q8_0", 0), at("", 0)
	if q8.Cache*32 != f16.Cache*17 {
		t.Errorf("q8_0 takes %d, f16 %d", q8.Cache, f16.Cache)
	}
	if unknown.Cache != f16.Cache || unknown.Low >= q8.Low || unknown.High != f16.High {
		t.Errorf("unknown: %+v; want f16's %+v, with less than q8_0 %+v as the least", unknown, f16, q8)
	}
	if four := at("f16", 4); four.Cache != 4*f16.Cache {
		t.Errorf("four at a time take %d, one %d", four.Cache, f16.Cache)
	}
	if odd := at("q3_x", 0); odd.Unsure == "" || odd.High < f16.High || odd.Low > q8.Low {
		t.Errorf("a type that nobody knows: %+v, want wide bounds", odd)
	}
}

func TestLargestFits(t *testing.T) {
	m := smollm(t)
	for budget, want := range map[int64]int{1 << 40: 8192, 350 << 20: 4096, 10 << 20: 0} {
		e, ok, err := Largest(m, Options{CacheType: "f16"}, 0, func(e Estimate) bool { return e.High <= budget })
		if err != nil || ok != (want > 0) || e.Window != want {
			t.Errorf("within %s: %+v, %v, %v; want %d", textx.Bytes(budget), e, ok, err, want)
		}
	}
	if e, _, _ := Largest(m, Options{CacheType: "f16"}, 3000, func(Estimate) bool { return true }); e.Window != 3000 {
		t.Errorf("limited to 3000: %d", e.Window)
	}
}

func prober(t *testing.T, programs map[string]string, files map[string]string) Prober {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Prober{
		Root: root, OS: "linux",
		RAM: func() (uint64, uint64, uint64, error) { return 32 << 30, 20 << 30, 0, nil },
		Run: func(_ context.Context, name string, _ ...string) ([]byte, error) {
			file, ok := programs[name]
			if !ok {
				return nil, errors.New("not found")
			}
			return os.ReadFile(filepath.Join("testdata", file))
		},
	}
}

func TestGPUs(t *testing.T) {
	for name, tc := range map[string]struct {
		programs, files map[string]string
		want            []GPU
		other           bool
	}{
		"one":           {map[string]string{"nvidia-smi": "nvidia-smi.txt"}, nil, []GPU{{"NVIDIA GeForce RTX 4070 Laptop GPU", 8188 << 20, 7694 << 20}}, false},
		"two":           {map[string]string{"nvidia-smi": "nvidia-smi-two.txt"}, nil, []GPU{{"NVIDIA GeForce RTX 3090", 24576 << 20, 23871 << 20}, {"NVIDIA GeForce RTX 3090", 24576 << 20, 14017 << 20}}, false},
		"shared memory": {map[string]string{"nvidia-smi": "nvidia-smi-shared.txt"}, map[string]string{"dev/nvidiactl": ""}, nil, true},
		"AMD": {nil, map[string]string{
			"sys/class/drm/card0/device/vendor": "0x1002\n", "sys/class/drm/card0/device/mem_info_vram_total": "17163091968\n", "sys/class/drm/card0/device/mem_info_vram_used": "1290076160\n",
			"sys/class/drm/card1/device/vendor": "0x8086\n", "dev/dri/renderD128": "",
		}, []GPU{{"AMD GPU", 17163091968, 17163091968 - 1290076160}}, false},
		"none":           {nil, nil, nil, false},
		"without a tool": {nil, map[string]string{"dev/dri/renderD128": ""}, nil, true},
	} {
		m := prober(t, tc.programs, tc.files).Look(t.Context())
		if len(m.GPUs) != len(tc.want) || (m.OtherGPU != "") != tc.other || m.Shared != (name == "shared memory") {
			t.Errorf("%s: %+v", name, m)
			continue
		}
		for i := range tc.want {
			if m.GPUs[i] != tc.want[i] {
				t.Errorf("%s: %+v, want %+v", name, m.GPUs[i], tc.want[i])
			}
		}
	}
}

func TestControlGroupsLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		files       map[string]string
		total, free int64
	}{
		"none":     {nil, 32 << 30, 20 << 30},
		"no limit": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"}, 32 << 30, 20 << 30},
		"v2, of a group above": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "8589934592\n", "sys/fs/cgroup/a/memory.current": "3221225472\n",
			"sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 1073741824\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
		}, 8 << 30, 6 << 30},
		"v1": {map[string]string{
			"proc/self/cgroup": "4:memory:/docker/x\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "4294967296\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1073741824\n",
		}, 4 << 30, 3 << 30},
		"v1's no limit": {map[string]string{
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
		}, 32 << 30, 20 << 30},
	} {
		if m := prober(t, nil, tc.files).Look(t.Context()); m.RAM != tc.total || m.RAMFree != tc.free {
			t.Errorf("%s: %d free of %d, want %d of %d", name, m.RAMFree, m.RAM, tc.free, tc.total)
		}
	}
}

func TestFit(t *testing.T) {
	const gib = 1 << 30
	gpu := Machine{RAM: 32 * gib, RAMFree: 16 * gib, GPUs: []GPU{{"g", 8 * gib, 7 * gib}}}
	cpu := Machine{RAM: 32 * gib, RAMFree: 16 * gib}
	swap := cpu
	swap.Swap = 8 * gib
	for name, tc := range map[string]struct {
		m         Machine
		low, high int64
		r         Reclaim
		want      Fit
	}{
		"GPU, small":            {gpu, 3 * gib, 4 * gib, Reclaim{}, Fits},
		"GPU, near its end":     {gpu, 6 * gib, 7 * gib, Reclaim{}, Unsure},
		"GPU, too much":         {gpu, 8 * gib, 9 * gib, Reclaim{}, Spills},
		"too much for all":      {gpu, 24 * gib, 25 * gib, Reclaim{}, Exceeds},
		"another makes place":   {gpu, 8 * gib, 9 * gib, Reclaim{VRAM: 4 * gib}, Fits},
		"CPU, small":            {cpu, 3 * gib, 4 * gib, Reclaim{}, Fits},
		"CPU, bounds around it": {cpu, 15 * gib, 17 * gib, Reclaim{}, Unsure},
		"CPU, too much":         {cpu, 17 * gib, 18 * gib, Reclaim{}, Exceeds},
		"CPU, with swap":        {swap, 17 * gib, 18 * gib, Reclaim{}, Unsure},
		"unknown GPU":           {Machine{RAM: gib, RAMFree: gib, OtherGPU: "some"}, 17 * gib, 18 * gib, Reclaim{}, Unsure},
		"unknown machine":       {Machine{}, 17 * gib, 18 * gib, Reclaim{}, Unsure},
	} {
		e := Estimate{Low: tc.low, High: tc.high}
		if got := tc.m.Fit(e, tc.r); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if text := gpu.Says(Estimate{Window: 4096, Weights: 7 * gib, Cache: 2 * gib, Low: 8 * gib}, Reclaim{}); text != "9.0 GiB is needed for a context of 4096 tokens (7.0 GiB of weights, 2.0 GiB of cache), and the GPU has 7.0 GiB free" {
		t.Error(text)
	}
}
