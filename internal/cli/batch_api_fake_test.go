package cli_test

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tandem-llm/tandem/internal/testbatch"
)

// batchServer is the server with a Batch API of a script; it is started when the script
// first says how it behaves.
type batchServer struct{ *testbatch.Server }

type batchServerKey struct{}

// batchAPI JSON has the server at $BATCHAPI behave so, see testbatch.Manner.
func batchAPI(ts *testscript.TestScript, _ bool, args []string) {
	var m testbatch.Manner
	ts.Check(json.Unmarshal([]byte(args[0]), &m))
	s := ts.Value(batchServerKey{}).(*batchServer)
	if s.Server == nil {
		s.Server = testbatch.New(m)
		ts.Defer(s.Close)
		ts.Setenv("BATCHAPI", s.URL)
	}
	s.Behave(m)
}

// batchCalls N CALL checks that so many calls of that beginning have come, such as
// "POST /v1/batches".
func batchCalls(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := ts.Value(batchServerKey{}).(*batchServer)
	if n := s.Count(args[1]); n != want {
		ts.Fatalf("%d calls of %s, want %d: %q", n, args[1], want, s.Calls())
	}
	for prompt, n := range s.Asked() {
		if n > 1 && !strings.Contains(prompt, "FAIL") { // which the script runs again
			ts.Fatalf("%q was accepted %d times", prompt, n)
		}
	}
}
