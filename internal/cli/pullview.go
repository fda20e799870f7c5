package cli

import (
	"fmt"

	"github.com/schollz/progressbar/v3"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// pullView shows a download: a bar for each layer on a terminal, a line for
// each new status otherwise.
type pullView struct {
	t      *terminal.Terminal
	quiet  bool
	bar    *progressbar.ProgressBar
	digest string
	status string
}

func newPullView(t *terminal.Terminal, quiet bool) *pullView { return &pullView{t: t, quiet: quiet} }

func (v *pullView) show(p provider.PullProgress) {
	if v.quiet {
		return
	}
	if p.Digest == "" || p.Total == 0 || !v.t.ErrIsTTY {
		v.line(p.Status)
		return
	}
	if p.Digest != v.digest {
		v.clearBar()
		v.digest = p.Digest
		v.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(terminal.Raw(v.t.Err)), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription(terminal.StripControls(layer(p.Digest))), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100e6),
		)
	}
	_ = v.bar.Set64(p.Completed) // a bar that cannot be drawn is no reason to stop
}

func (v *pullView) line(status string) {
	if status == "" || status == v.status || status == "success" {
		return
	}
	v.clearBar()
	v.status = status
	v.t.Noticef("%s", v.t.Dim("· "+terminal.StripControls(status)))
}

// clearBar closes the line of a bar.
func (v *pullView) clearBar() {
	if v.bar != nil {
		fmt.Fprintln(v.t.Err)
		v.bar, v.digest = nil, ""
	}
}

func layer(digest string) string {
	if len(digest) > 19 {
		return digest[7:19]
	}
	return digest
}
