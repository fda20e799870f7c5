package cli

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/batch"
)

func TestCallsMadeTwiceAreChargedOnlyWhereTheyCost(t *testing.T) {
	for want, s := range map[string]batch.Status{
		"at most 4 calls were made twice, because a process ended":                            {Repeated: 4, Done: 60},
		"at most 1 call was made twice, because a process ended, and may have been charged":   {Repeated: 1, Done: 60, USD: 0.1},
		"at most 2 calls were made twice, because a process ended, and may have been charged": {Repeated: 2, Done: 60, Unpriced: 3},
		"at most 3 calls were made twice, because a process ended, and may have been charged": {Repeated: 3},
	} {
		if got := repeatedText(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestABatchThatNobodyRunsSaysHowItGoesOn(t *testing.T) {
	held := &batch.Holder{}
	for _, c := range []struct {
		s           batch.Status
		state, next string
	}{
		{batch.Status{State: batch.Waiting}, "interrupted", "continue with `tandem batch resume 1`"},
		{batch.Status{State: batch.Cancelled}, "cancelled", "continue with `tandem batch resume 1`"},
		{batch.Status{State: batch.Cancelled, Holder: held}, "cancelled", ""},
		{batch.Status{State: batch.Running, Holder: held}, "running", ""},
		{batch.Status{State: batch.Finished, Over: true}, "finished", ""},
		{batch.Status{State: batch.Reading}, "interrupted", "its rows were not read, remove it with `tandem batch rm 1`"},
		{batch.Status{State: batch.Reading, Holder: held}, "reading", ""},
		{batch.Status{State: batch.Waiting, Spec: batch.Spec{Owner: batch.OwnerServe}}, "waiting", "`tandem serve` continues it when it runs"},
		{batch.Status{State: batch.Cancelled, Spec: batch.Spec{Owner: batch.OwnerServe}}, "cancelled", ""},
	} {
		c.s.ID = "1"
		if state, next := stateText(&c.s), nextText(&c.s); state != c.state || next != c.next {
			t.Errorf("%+v: %q, %q", c.s, state, next)
		}
	}
}
