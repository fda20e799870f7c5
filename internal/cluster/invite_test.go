package cluster_test

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/cluster"
)

func TestJoinAddress(t *testing.T) {
	for host, want := range map[string]string{
		"gpu1.example.org":       "gpu1.example.org:11511",
		"gpu_1":                  "gpu_1:11511",
		"192.0.2.7":              "192.0.2.7:11511",
		"2001:db8::7":            "[2001:db8::7]:11511",
		"fe80::7%eth0":           "[fe80::7%eth0]:11511",
		"":                       "",
		"gpu1.example.org:11510": "",
		"192.0.2.7:11510":        "",
		"[2001:db8::7]:11510":    "",
		"tls://gpu1.example.org": "",
		"gpu1.example.org/":      "",
		"me@gpu1":                "",
		"gpu 1":                  "",
		"gpu1\n":                 "",
	} {
		got, err := cluster.JoinAddress(host, 11511)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("JoinAddress(%q) = %q, %v; want %q", host, got, err, want)
		}
	}
}
