package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Write prints the report as tables for people.
func (r *Report) Write(out io.Writer) error {
	fmt.Fprintf(out, "%s/%s, %d CPUs, %s, %d rounds. Ratios are to the floor in the same round: median (least–most).\n\n", r.OS, r.Arch, r.CPUs, r.Go, r.Rounds)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\twho\twall\tratio\tCPU ratio\tallocations\tratio\tbytes")
	last := ""
	for _, row := range r.Rows {
		title := row.Work
		if title == last {
			title = ""
		}
		last = row.Work
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.0f\t%.2f\t%.0f\n", title, row.Who, duration(row.Wall), row.WallRatio, row.CPURatio, row.Allocs, row.AllocsRatio, row.Bytes)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.StartUp) > 0 {
		fmt.Fprintln(t, "\nprogram, start to end\twall\tabove the first (least–most)")
		for _, s := range r.StartUp {
			fmt.Fprintf(t, "%s\t%.1f ms\t%.1f ms (%.1f–%.1f)\n", s.Program, s.Wall, s.Above.Median, s.Above.Min, s.Above.Max)
		}
	}
	fmt.Fprintln(t, "\naims")
	for _, a := range r.Aims {
		fmt.Fprintln(t, a)
	}
	return t.Flush()
}

func (s Spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max) }

func duration(ns float64) string {
	if ns < 10_000 {
		return fmt.Sprintf("%.0f ns", ns)
	}
	return fmt.Sprintf("%.0f µs", ns/1000)
}
