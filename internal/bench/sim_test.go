package bench

import (
	"math"
	"testing"
	"time"
)

// What a simulated server carries is bounded by its engines or by itself, and between the
// two nothing is lost: the rows that nodes hold cover the way to the server.
func TestSimulate(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		server SimServer
		fleet  SimFleet
		rate   float64 // rows a second
		busy   float64
	}{
		{"one engine", SimServer{Row: ms}, SimFleet{1, 4, time.Second}, 4, 0.004},
		{"engines far below the server", SimServer{Row: ms, Trip: 3 * ms}, SimFleet{10, 4, time.Second}, 40, 0.04},
		{"engines at half of the server", SimServer{Row: ms}, SimFleet{125, 4, time.Second}, 500, 0.5},
		{"engines at twice the server", SimServer{Row: ms}, SimFleet{500, 4, time.Second}, 1000, 1},
		{"heartbeats take half of it", SimServer{Row: ms, Beat: ms}, SimFleet{1000, 4, time.Second}, 500, 1},
		{"calls that take no time", SimServer{Row: 2 * ms}, SimFleet{16, 16, 0}, 500, 1},
		{"one at a time", SimServer{Row: ms, Trip: 4 * ms}, SimFleet{1, 1, 0}, 500, 0.5}, // two rows that it holds
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Simulate(c.server, c.fleet)
			if math.Abs(got.Rate-c.rate) > 0.05*c.rate || math.Abs(got.Busy-c.busy) > 0.05 {
				t.Errorf("%.1f rows a second, busy %.3f; want %.1f, %.3f", got.Rate, got.Busy, c.rate, c.busy)
			}
			again := Simulate(c.server, c.fleet)
			if again != got {
				t.Errorf("a second simulation says %+v, and the first one %+v", again, got)
			}
		})
	}
}
