package doctor

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/vram"
)

func TestVersionCheck(t *testing.T) {
	for version, want := range map[string]Status{
		"0.10.9": Fail, "0.11.0": Warn, "0.17.0": Warn, "0.17.1-rc1": OK, "0.17.1": OK, "v0.33.3": OK, "1.0": OK, "0.0.0": OK,
	} {
		if got := versionCheck("local", version); got.Status != want || (want != OK) != (got.Remedy != "") {
			t.Errorf("%s: got %+v, want status %s, with a remedy unless ok", version, got, want)
		}
	}
}

func TestMachineSaysWhatThereIs(t *testing.T) {
	for want, m := range map[string]vram.Machine{
		"NVIDIA H200, 140.4 GiB, 139.6 GiB free; 64.0 GiB of memory, 32.0 GiB free":                                                                   {RAM: 64 << 30, RAMFree: 32 << 30, GPUs: []vram.GPU{{Name: "NVIDIA H200", Total: 143771 << 20, Free: 143000 << 20}}},
		"no NVIDIA, AMD or Apple GPU found; models run on the CPU unless Ollama finds another; 8.0 GiB of memory, 4.0 GiB free, as its cgroup allows": {RAM: 8 << 30, RAMFree: 4 << 30, Limit: "cgroup"},
		"a GPU whose free memory is unknown: X; memory unknown":                                                                                       {OtherGPU: "X"},
	} {
		if got := machine(m); got.Detail != want || got.Status != OK {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}
