package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteMarkdown prints the report as docs/benchmarks.md has it: the tables of
// [Report.Write] in Markdown.
func (r *Report) WriteMarkdown(out io.Writer) error {
	var tables strings.Builder
	if err := r.write(&tables, &tables); err != nil {
		return err
	}
	inTable := false
	for line := range strings.Lines(tables.String()) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) > 1 {
			line = "| " + strings.Join(cells, " | ") + " |\n"
			if !inTable {
				line += strings.Repeat("|---", len(cells)) + "|\n"
			}
		}
		inTable = len(cells) > 1
		if _, err := io.WriteString(out, line); err != nil {
			return err
		}
	}
	return nil
}

// Write prints the report as tables for people.
func (r *Report) Write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if err := r.write(out, t); err != nil {
		return err
	}
	return t.Flush()
}

// write writes what stands above the tables to out, and to t the tables, with
// tabs between their cells.
func (r *Report) write(out, t io.Writer) error {
	fmt.Fprintf(out, "%s/%s, %d CPUs, %s, %d rounds. ", r.OS, r.Arch, r.CPUs, r.Go, r.Rounds)
	if len(r.Rows) > 0 {
		fmt.Fprint(out, "Ratios are to the floor in the same round: median (least–most).")
	}
	fmt.Fprint(out, "\n\n")
	if len(r.Rows) > 0 {
		fmt.Fprintln(t, "work\twho\twall\tratio\tCPU ratio\tallocations\tratio\tbytes")
	}
	last := ""
	for _, row := range r.Rows {
		title := row.Work
		if title == last {
			title = ""
		}
		last = row.Work
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.0f\t%.2f\t%.0f\n", title, row.Who, row.cost(), row.WallRatio, row.CPURatio, row.Allocs, row.AllocsRatio, row.Bytes)
	}
	if len(r.Own) > 0 {
		fmt.Fprintln(t, "\na chain's own cost, above the floor\ta step (least–most)\tallocations\tbytes\tTandem's over it")
		for _, o := range r.Own {
			fmt.Fprintf(t, "%s\t%s\t%.1f\t%.0f\t%s\n", o.Who, o.Step.micro(), o.Allocs, o.Bytes, o.Tandem)
		}
	}
	if len(r.Against) > 0 {
		fmt.Fprintln(t, "\na template library alone\twhat is compared\twall (least–most)")
		for _, a := range r.Against {
			fmt.Fprintln(t, a)
		}
	}
	if len(r.Layers) > 0 {
		fmt.Fprintln(t, "\nlayer, a call above the adapter alone\tone at a time (least–most)\t64 at once (least–most)\tallocations\tbytes")
		for _, l := range r.Layers {
			fmt.Fprintf(t, "%s\t%s\t%s\t%.0f\t%.0f\n", l.Layer, l.Alone.micro(), l.Crowded.micro(), l.Allocs, l.Bytes)
		}
	}
	if len(r.StartUp) > 0 {
		fmt.Fprintln(t, "\nprogram, start to end\twall\tabove the first (least–most)")
		for _, s := range r.StartUp {
			fmt.Fprintf(t, "%s\t%.1f ms\t%.1f ms (%.1f–%.1f)\n", s.Program, s.Wall, s.Above.Median, s.Above.Min, s.Above.Max)
		}
	}
	if len(r.Long) > 0 {
		fmt.Fprintf(t, "\nan answer of %d chunks\twall\tratio to the first (least–most)\n", LongChunks)
		for _, l := range r.Long {
			fmt.Fprintf(t, "%s\t%.0f ms\t%s\n", l.Program, l.Wall, l.Ratio)
		}
	}
	if len(r.Nodes) > 0 {
		fmt.Fprintf(t, "\nnodes, each with an engine of %d calls at a time, %v each\trows\trows a second\tover linear\tover the engines\trows a second, start to end\tserver's CPU a row\tcalls made twice\n", nodeSlots, nodeTime)
		for _, n := range r.Nodes {
			fmt.Fprintf(t, "%d\t%d\t%.1f\t%s\t%s\t%.1f\t%.0f µs\t%d\n", n.Nodes, n.Rows, n.Rate, fine(n.Linear), fine(n.Engines), n.Whole, n.Server, n.Twice)
		}
	}
	if r.Queue != nil {
		r.Queue.write(t)
	}
	if len(r.Aims) == 0 {
		return nil
	}
	fmt.Fprint(t, "\nThe aims:\n\n")
	for _, a := range r.Aims {
		fmt.Fprintf(t, "- %s\n", a)
	}
	return nil
}

func (s Spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max) }

// fine is a spread whose hundredths count.
func fine(s Spread) string { return fmt.Sprintf("%.3f (%.3f–%.3f)", s.Median, s.Min, s.Max) }

// micro is a spread of nanoseconds in microseconds.
func (s Spread) micro() string {
	return fmt.Sprintf("%.2f µs (%.2f–%.2f)", s.Median/1000, s.Min/1000, s.Max/1000)
}

// WriteHolds prints what many streams at once cost, for people.
func WriteHolds(out io.Writer, holds []Hold) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "who\tstreams at once\tall open after\tall whole after\tmemory a stream\tgoroutines a stream\tprocess\twrong")
	for _, h := range holds {
		fmt.Fprintf(t, "%s\t%d\t%.0f ms\t%.0f ms\t%.1f KiB\t%.1f\t%d MiB\t%d\n", h.Who, h.Streams, h.Open, h.Finish, h.Memory/1024, h.Goroutines, h.RSS/1024, h.Wrong)
	}
	return t.Flush()
}

// cost is the wall time in words: of one piece of work, or of one of its parts.
func (r Row) cost() string {
	if r.PerSecond > 0 {
		return fmt.Sprintf("%s (%.0f/s)", duration(r.Wall), r.PerSecond)
	}
	return duration(r.Wall)
}

func duration(ns float64) string {
	if ns < 10_000 {
		return fmt.Sprintf("%.0f ns", ns)
	}
	return fmt.Sprintf("%.0f µs", ns/1000)
}
