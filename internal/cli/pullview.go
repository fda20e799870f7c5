package cli

import (
	"fmt"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
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
	switch {
	case p.Digest == "" || p.Total == 0:
		v.line(p.Status)
		return
	case !v.t.ErrIsTTY:
		v.line(p.Status + " (" + bytesText(p.Total) + ")")
		return
	}
	if p.Digest != v.digest {
		v.clearBar()
		v.digest = p.Digest
		v.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(terminal.Raw(v.t.Err)), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100e6),
		)
	}
	v.bar.Describe(terminal.StripControls(layer(p.Digest)) + " " + ofTotal(p))
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

// ofTotal is how much of a layer is there: "3.0 of 4.4 GiB".
func ofTotal(p provider.PullProgress) string {
	done, total := textx.Bytes(p.Completed), bytesText(p.Total)
	if _, unit, _ := strings.Cut(total, " "); strings.HasSuffix(done, " "+unit) {
		done = strings.TrimSuffix(done, " "+unit)
	}
	return done + " of " + total
}

func layer(digest string) string {
	if len(digest) > 19 {
		return digest[7:19]
	}
	return digest
}
