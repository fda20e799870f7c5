package doctor

import "testing"

func TestVersionCheck(t *testing.T) {
	for version, want := range map[string]Status{
		"0.10.9": Fail, "0.11.0": Warn, "0.17.0": Warn, "0.17.1-rc1": OK, "0.17.1": OK, "v0.33.3": OK, "1.0": OK, "0.0.0": OK,
	} {
		if got := versionCheck("local", version); got.Status != want || (want != OK) != (got.Remedy != "") {
			t.Errorf("%s: got %+v, want status %s, with a remedy unless ok", version, got, want)
		}
	}
}

func TestParseNvidia(t *testing.T) {
	got := parseNvidia("NVIDIA H200, 143771, 143000\n[N/A], x, y\n")
	if len(got) != 1 || got[0] != "NVIDIA H200, 140.4 GiB, 139.6 GiB free" {
		t.Errorf("got %q", got)
	}
}
