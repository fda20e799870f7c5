package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// simulations is how often each case is drawn: $TANDEM_SIMULATIONS, or what fits
// in a few seconds. The draws are the same each time.
func simulations(t *testing.T, usual int) int {
	t.Helper()
	if s := os.Getenv("TANDEM_SIMULATIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("TANDEM_SIMULATIONS is %q", s)
		}
		return n
	}
	if testing.Short() {
		return usual / 5
	}
	return usual
}

// coverage is how often the interval of a drawn comparison has the true
// difference, and how often it claims a difference.
func coverage(t *testing.T, runs int, truth float64, draw func(r *rand.Rand) (a, b []float64, clusters []string)) float64 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range runs {
		a, b, clusters := draw(r)
		d, err := Paired(a, b, clusters, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if d.Method == NoInterval {
			t.Fatalf("no interval: %+v", d)
		}
		if d.Low <= truth && truth <= d.High {
			held++
		}
	}
	return float64(held) / float64(runs)
}

// wantCoverage allows for what so many draws may be off: two standard errors.
func wantCoverage(t *testing.T, got, low, high float64, runs int) {
	t.Helper()
	off := 2 * math.Sqrt(0.95*0.05/float64(runs))
	t.Logf("%.4f", got)
	if got < low-off || got > high+off {
		t.Errorf("covers the true difference in %.2f %% of %d runs, want %.1f to %.1f %%", 100*got, runs, 100*low, 100*high)
	}
}

// exactCoverage is the chance that Tango's interval has the true difference,
// summed over all outcomes of n rows.
func exactCoverage(t *testing.T, n int, onlyB, onlyA float64) float64 {
	t.Helper()
	log := func(k int, p float64) float64 {
		if k == 0 {
			return 0
		}
		f, _ := math.Lgamma(float64(k + 1))
		return float64(k)*math.Log(p) - f
	}
	all, _ := math.Lgamma(float64(n + 1))
	truth, sum := onlyB-onlyA, 0.0
	for b := 0; b <= n; b++ {
		for c := 0; b+c <= n; c++ {
			p := math.Exp(all + log(b, onlyB) + log(c, onlyA) + log(n-b-c, 1-onlyB-onlyA))
			if p < 1e-9 {
				continue
			}
			d, err := Paired(passes(n, b, b+c), passes(n, 0, b), nil, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			if d.Low <= truth && truth <= d.High {
				sum += p
			}
		}
	}
	return sum
}

// TestCoverageOfPassOrFail is exact, without a draw. Where few rows are expected
// to differ, no interval can be exact, and this one is on the safe side.
func TestCoverageOfPassOrFail(t *testing.T) {
	sizes := []int{MinRows, 30, 60}
	if !testing.Short() {
		sizes = append(sizes, 120)
	}
	for _, n := range sizes {
		sum, cases := 0.0, 0.0
		for _, discordance := range []float64{0.05, 0.1, 0.2, 0.3, 0.5} {
			for _, lean := range []float64{0, 0.25, 0.5, 0.9} {
				delta := discordance * lean
				got := exactCoverage(t, n, (discordance+delta)/2, (discordance-delta)/2)
				low, high := 0.935, 1.0
				if discordance*float64(n) >= 10 {
					low, high = 0.94, 0.96
				}
				if got < low-0.0025 || got > high+0.0025 {
					t.Errorf("%d rows, %.0f %% differ, true difference %.3f: covered in %.2f %%", n, 100*discordance, delta, 100*got)
				}
				sum, cases = sum+got, cases+1
			}
		}
		t.Logf("%d rows: %.4f on average", n, sum/cases)
	}
}

// graded is a score whose logit is normal, around 0.6.
func graded(x float64) float64 { return 1 / (1 + math.Exp(-(0.4 + x))) }

func TestCoverageOfGradedScores(t *testing.T) {
	runs := simulations(t, 4000)
	for _, n := range []int{30, 100, 1000} {
		for _, correlation := range []float64{0, 0.5, 0.95} {
			t.Run(fmt.Sprintf("%d rows, correlation %v", n, correlation), func(t *testing.T) {
				got := coverage(t, runs, 0, func(r *rand.Rand) (a, b []float64, _ []string) {
					for range n {
						shared, rest := math.Sqrt(correlation)*r.NormFloat64(), math.Sqrt(1-correlation)
						a = append(a, graded(shared+rest*r.NormFloat64()))
						b = append(b, graded(shared+rest*r.NormFloat64()))
					}
					return a, b, nil
				})
				wantCoverage(t, got, 0.94, 0.96, runs)
			})
		}
	}
}

// clustered draws rows in clusters, of which two of one cluster have the
// correlation icc: each row copies its cluster with the chance √icc. one draws a
// row.
func clustered(r *rand.Rand, count int, size func() int, icc float64, one func() (a, b float64)) (a, b []float64, clusters []string) {
	for g := range count {
		name := strconv.Itoa(g)
		sharedA, sharedB := one()
		for range size() {
			x, y := sharedA, sharedB
			if r.Float64() >= math.Sqrt(icc) {
				x, y = one()
			}
			a, b, clusters = append(a, x), append(b, y), append(clusters, name)
		}
	}
	return a, b, clusters
}

func TestCoverageWithClusters(t *testing.T) {
	runs := simulations(t, 2500)
	for _, count := range []int{20, 50, 100} {
		for _, varied := range []bool{false, true} {
			for _, icc := range []float64{0, 0.2, 0.5} {
				for _, kind := range []string{"graded", "pass or fail"} {
					t.Run(fmt.Sprintf("%s, %d clusters, varied %v, icc %v", kind, count, varied, icc), func(t *testing.T) {
						t.Parallel()
						got := coverage(t, runs, 0, func(r *rand.Rand) (a, b []float64, _ []string) {
							size := func() int { return 5 }
							if varied { // 1 to 9
								size = func() int { return 1 + r.IntN(9) }
							}
							return clustered(r, count, size, icc, func() (float64, float64) {
								if kind == "graded" {
									shared := 0.7 * r.NormFloat64()
									return graded(shared + 0.7*r.NormFloat64()), graded(shared + 0.7*r.NormFloat64())
								}
								x := float64(r.IntN(2))
								if r.Float64() < 0.4 {
									return x, x
								}
								return x, float64(r.IntN(2))
							})
						})
						high := 0.96
						if kind != "graded" && count == 20 && icc == 0.5 {
							high = 0.98 // often fewer than ten clusters differ, and then it is on the safe side
						}
						wantCoverage(t, got, 0.94, high, runs)
					})
				}
			}
		}
	}
}

// TestCoverageWhereFewRowsDiffer has the cases in which Student's t misses the
// truth in one of four runs: nearly all rows equal, and the others lean one way.
func TestCoverageWhereFewRowsDiffer(t *testing.T) {
	runs := simulations(t, 2000)
	for _, kind := range []string{"graded", "pass or fail"} {
		for _, count := range []int{20, 50, 200} {
			for _, icc := range []float64{0, 0.5} {
				for _, differ := range []float64{0.05, 0.1} {
					for _, size := range []int{1, 5} {
						if size == 1 && (icc > 0 || kind == "pass or fail") {
							continue
						}
						t.Run(fmt.Sprintf("%s, %d clusters of %d, icc %v, %v differ", kind, count, size, icc, differ), func(t *testing.T) {
							t.Parallel()
							truth := 0.9 * differ
							if kind == "graded" {
								truth /= 2
							}
							got := coverage(t, runs, truth, func(r *rand.Rand) (a, b []float64, _ []string) {
								return clustered(r, count, func() int { return size }, icc, func() (float64, float64) {
									by := 1.0
									if kind == "graded" {
										by = r.Float64()
									}
									switch u := r.Float64(); {
									case u < 0.95*differ:
										return 0, by
									case u < differ:
										return by, 0
									}
									return 0, 0
								})
							})
							wantCoverage(t, got, 0.93, 1, runs)
						})
					}
				}
			}
		}
	}
}

// TestCoverageOfARate is the same for one arm.
func TestCoverageOfARate(t *testing.T) {
	runs := simulations(t, 2500)
	for _, truth := range []float64{0.5, 0.8, 0.97} {
		for _, size := range []int{1, 5} {
			for _, icc := range []float64{0, 0.3} {
				if size == 1 && icc > 0 {
					continue
				}
				t.Run(fmt.Sprintf("%v, clusters of %d, icc %v", truth, size, icc), func(t *testing.T) {
					r := rand.New(rand.NewPCG(5, 6))
					held := 0
					for range runs {
						scores, _, clusters := clustered(r, 60, func() int { return size }, icc, func() (float64, float64) {
							if r.Float64() < truth {
								return 1, 0
							}
							return 0, 0
						})
						rate, err := Mean(scores, clusters, 0.95)
						if err != nil {
							t.Fatal(err)
						}
						if rate.Low <= truth && truth <= rate.High {
							held++
						}
					}
					high := 0.965 // 60 rows have few values
					if truth > 0.9 {
						high = 1
					}
					wantCoverage(t, float64(held)/float64(runs), 0.93, high, runs)
				})
			}
		}
	}
}
