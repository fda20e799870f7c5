// Clients runs real clients against `tandem serve` in front of a scripted engine, and
// says what each costs: one prompt, one tool call, one cut, one busy engine, one window
// that is too small. Then it runs LangChain's standard tests.
//
//	go run ./scripts/clients -tandem BIN -py DIR -sdk DIR -agents DIR -ollama BIN
//
// scripts/clients.sh installs what the directories hold. The program ends with 1 where a
// client does not get what it should, asks the engine more than it may, or differs from
// docs/clients.md. With -update, it writes what came out into that page instead.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	r := runner{scripts: "scripts"}
	var only string
	var verbose, update bool
	flag.StringVar(&r.tandem, "tandem", "", "the program to test")
	flag.StringVar(&r.py, "py", "", "the directory with the Python packages")
	flag.StringVar(&r.sdk, "sdk", "", "the directory with the libraries of npm")
	flag.StringVar(&r.agents, "agents", "", "the directory with the agents of npm")
	flag.StringVar(&r.ollama, "ollama", "", "Ollama's command line")
	flag.StringVar(&only, "only", "", "only clients and suites whose names begin so")
	flag.BoolVar(&verbose, "v", false, "show what the clients ask and say")
	flag.BoolVar(&update, "update", false, "write the results into docs/clients.md")
	flag.Parse()
	if err := runAll(&r, only, verbose, update); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func runAll(r *runner, only string, verbose, update bool) error {
	p, err := readPage("docs/clients.md")
	if err != nil {
		return err
	}
	v, err := readVersions(r.scripts)
	if err != nil {
		return err
	}
	failed := 0
	show := func(name, part, cost string, o outcome) {
		result := "as it should"
		if o.problem != "" {
			failed++
			result = "WRONG: " + o.problem
		}
		fmt.Printf("%-22s %-7s %-12s %6.1f s  %s\n", name, part, cost, o.seconds, result)
		if o.problem != "" || verbose {
			fmt.Println("    " + strings.ReplaceAll(strings.TrimSpace(o.said), "\n", "\n    "))
		}
	}
	var rows []string
	for _, c := range clients {
		row := v.label(c.label, c.of)
		rows = append(rows, row)
		for _, name := range cases {
			if !strings.HasPrefix(c.name, only) {
				continue
			}
			o, cell := outcome{}, none
			if !c.skips(name) {
				o = r.try(&c, name)
				cell = o.cell()
			}
			if update {
				p.costs.set(row, columns[name], cell)
			} else if o.problem == "" {
				o.problem = differs(p.costs.cell(row, columns[name]), cell)
			}
			show(c.name, name, cell, o)
		}
	}
	p.costs.order(rows)
	rows = nil
	for _, s := range suites {
		row := v.label(s.label, s.of)
		rows = append(rows, row)
		if !strings.HasPrefix(s.name, only) {
			continue
		}
		o := r.trySuite(&s)
		cells := o.cells()
		for i, name := range suiteColumns {
			if update {
				p.suites.set(row, name, cells[i])
			} else if have := p.suites.cell(row, name); o.problem == "" && have != cells[i] {
				o.problem = fmt.Sprintf("docs/clients.md has %q %s", have, name)
			}
		}
		show(s.name, "suite", strings.Join(cells, " "), o.outcome)
	}
	p.suites.order(rows)
	switch {
	case failed > 0:
		return fmt.Errorf("%d cases failed", failed)
	case update:
		return p.write()
	}
	return nil
}
