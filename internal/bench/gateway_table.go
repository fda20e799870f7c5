package bench

import (
	"fmt"
	"io"
)

// WriteGateway writes the rows as a table.
func WriteGateway(w io.Writer, rows []GatewayRow) {
	fmt.Fprintln(w, "| work | who | median request | a second | rate over the proxy's (least–most) | processor time | added to the server's own median |\n|---|---|---|---|---|---|---|")
	for _, r := range rows {
		added := ""
		if r.Added != (Spread{}) {
			added = fmt.Sprintf("%.2f ms (%.2f–%.2f)", r.Added.Median/1000, r.Added.Min/1000, r.Added.Max/1000)
		}
		fmt.Fprintf(w, "| %s | %s | %.2f ms | %.0f | %.2f (%.2f–%.2f) | %.2f ms | %s |\n", r.Work, r.Who, r.Wall/1000, r.Rate, r.Ratio.Median, r.Ratio.Min, r.Ratio.Max, r.CPU/1000, added)
	}
}

// WriteGatewayHold writes what was held.
func WriteGatewayHold(w io.Writer, h GatewayHold) {
	mib := func(m Memory) string { return fmt.Sprintf("%d MiB (%d of its own)", m.Resident>>10, m.Private>>10) }
	fmt.Fprintf(w, "memory after the first answer %s, after the load %s, %s later %s\n", mib(h.Started), mib(h.Loaded), idle, mib(h.Idle))
	fmt.Fprintf(w, "%d streams wait in the gateway at once: %s; %d wrong answers\n", h.Streams, mib(h.Held), h.Wrong)
}
