package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tandem-llm/tandem/internal/testengine"
)

// The libraries of the three APIs get from `tandem serve` what docs/clients.md says, for
// as many questions.
func TestQuickClients(t *testing.T) {
	r := &runner{tandem: filepath.Join(t.TempDir(), "tandem"), scripts: "..", py: testengine.ClientPackages(t)}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", r.tandem, "github.com/tandem-llm/tandem/cmd/tandem")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	p, err := readPage("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	v, err := readVersions("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if !slices.Contains(quick, c.name) {
			continue
		}
		for _, name := range cases {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := r.try(&c, name)
				if o.problem == "" {
					o.problem = differs(p.costs.cell(v.label(c.label, c.of), columns[name]), o.cell())
				}
				if o.problem != "" {
					t.Errorf("%s\n%s", o.problem, o.said)
				}
			})
		}
	}
}
