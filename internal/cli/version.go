package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// version is set at release time with -ldflags "-X …/internal/cli.version=v1.2.3".
var version = ""

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return terminal.WriteJSON(a.term.Out, buildVersion())
			}
			return a.printVersion()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) printVersion() error {
	v := buildVersion()
	_, err := fmt.Fprintf(a.term.Out, "tandem %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	return err
}

type versionJSON struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildVersion is the release's version, that of the module that `go install`
// took, or what the Go toolchain noted about the checkout.
func buildVersion() versionJSON {
	v := versionJSON{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v.Version == "" {
		v.Version = "devel"
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	switch module := info.Main.Version; {
	case version != "":
	case v.Commit != "":
		v.Version = "devel-" + v.Commit[:min(12, len(v.Commit))]
	case module != "" && module != "(devel)":
		v.Version = module
	}
	return v
}
