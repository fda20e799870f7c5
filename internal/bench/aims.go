package bench

import "fmt"

// Aim is a bound that the project sets itself. Missing one fails nothing: it
// is read by people.
type Aim struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Most  float64 `json:"most"`
	Unit  string  `json:"unit"`
	Met   bool    `json:"met"`
}

func (a Aim) String() string {
	word := "met"
	if !a.Met {
		word = "MISSED"
	}
	return fmt.Sprintf("%-6s  %s: %.4g%s, aim at most %.4g%s", word, a.What, a.Value, a.Unit, a.Most, a.Unit)
}

// The aims, as issues set them.
const (
	mostAlone   = 1.10     // a chain's wall, one at a time, over the floor's
	mostCrowded = 1.15     // the same, 64 at once
	mostAllocs  = 1.25     // a chain's allocations over the floor's
	mostRender  = 300      // ns
	mostBatch   = 1.03     // a batch's wall over a pool's on the same saturated server: 0.97 of its rate
	mostNodes   = 1 / 0.95 // the time for a row with several nodes over its share of one node's: 0.95 of linear
	mostVersion = 6        // ms above a program that does nothing
	mostAsk     = 12       // ms above the same
	mostLong    = 1.30     // "tandem run" of a long answer over "tandem ask"
	mostLayer   = 20       // µs a call, and allocations, above an adapter alone
)

// mostOwn is a chain's own cost for each step over a peer's.
func mostOwn(peer string) (most float64, ok bool) {
	switch peer {
	case "eino":
		return 1. / 5, true
	case "langchaingo":
		return 1. / 10, true
	}
	return 0, false
}

func aims(r *Report) []Aim {
	var out []Aim
	add := func(what string, value, most float64, unit string) {
		out = append(out, Aim{what, value, most, unit, value <= most})
	}
	for _, row := range r.Rows {
		if row.Who != "tandem" {
			continue
		}
		switch row.Work {
		case loads[0].title:
			add(row.Work+", wall", row.WallRatio.Median, mostAlone, "×")
			add(row.Work+", allocations", row.AllocsRatio, mostAllocs, "×")
		case loads[1].title:
			add(row.Work+", wall", row.WallRatio.Median, mostCrowded, "×")
		case loads[8].title:
			add(row.Work+", wall", row.WallRatio.Median, mostBatch, "×")
		case loads[3].title:
			add(row.Work, row.Wall, mostRender, " ns")
		}
	}
	for _, o := range r.Own {
		if most, ok := mostOwn(o.Who); ok {
			add("a chain's own cost for each step, over "+o.Who+"'s", o.Tandem.Median, most, "×")
		}
	}
	for _, l := range r.Layers {
		if l.Files {
			continue
		}
		add(l.Layer+", above an adapter alone", l.Alone.Median/1000, mostLayer, " µs")
		add(l.Layer+", allocations", l.Allocs, mostLayer, "")
	}
	for _, s := range r.StartUp {
		switch s.Program {
		case "tandem version":
			add(s.Program+", above hello world", s.Above.Median, mostVersion, " ms")
		case "tandem ask":
			add(s.Program+", above hello world", s.Above.Median, mostAsk, " ms")
		}
	}
	for _, n := range r.Nodes {
		if n.Nodes > 1 {
			add(fmt.Sprintf("%d nodes, time over that of one node's %d-th part", n.Nodes, n.Nodes), 1/n.Linear.Median, mostNodes, "×")
		}
	}
	for _, l := range r.Long {
		if l.Program == "tandem run" {
			add(fmt.Sprintf("%s of %d chunks, over ask", l.Program, LongChunks), l.Ratio.Median, mostLong, "×")
		}
	}
	return out
}
