package batch

import (
	"errors"
	"testing"
)

// What a batch holds in memory does not grow with its rows: while they are stored,
// run and read.
func TestABatchTakesNoMemory(t *testing.T) {
	few, many := 5_000, 50_000
	if testing.Short() {
		few, many = 2_000, 10_000
	}
	most := func(n int) uint64 {
		dir := t.TempDir()
		j := job(t, echo)
		before, most := heap(), uint64(0)
		look := func() { most = max(most, heap()) }
		f, err := Create(t.Context(), dir, Spec{ID: "b1"})
		if err != nil {
			t.Fatal(err)
		}
		bound := rows(t, j.Chain, n, numbered)
		if _, err := f.Add(t.Context(), bound.Rows(), nil); err != nil {
			t.Fatal(err)
		}
		look()
		if err := f.Ready(t.Context(), f.Spec()); err != nil {
			t.Fatal(err)
		}
		kept := 0
		err = Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(64), Kept: func(o []Outcome) {
			if kept += len(o); kept*10/n != (kept-len(o))*10/n {
				look()
			}
		}})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		v, err := Look(dir, "b1")
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		read := 0
		for _, err := range v.Results(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; read == n/2 {
				look()
			}
		}
		if read != n {
			t.Errorf("%d results of %d", read, n)
		}
		return most - min(most, before)
	}
	if a, b := most(few), most(many); b > a+8<<20 {
		t.Errorf("%d rows hold %d bytes, and %d rows %d", few, a, many, b)
	}
}
