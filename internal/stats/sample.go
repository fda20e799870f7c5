package stats

import "math"

// sample is what the intervals need to know of one column of values.
type sample struct {
	n        float64 // rows
	units    int     // clusters, or rows where there are none
	mean     float64
	variance float64 // of the values, divided by n−1
	se       float64 // of the mean: CR1 with clusters, else √(variance/n)
	df       float64 // degrees of freedom of se
	kish     float64 // rows that remain if each cluster were one row: n²/Σn_g²
}

// clustered says that some rows belong together.
func (s sample) clustered() bool { return float64(s.units) < s.n }

// measure summarizes values in groups. groups is nil, or has the number of each
// value's cluster, counted from 0.
func measure(values []float64, groups []int) sample {
	s := sample{n: float64(len(values)), units: len(values)}
	for _, v := range values {
		s.mean += v
	}
	s.mean /= s.n
	squares, residue := 0.0, 0.0
	for _, v := range values {
		squares += (v - s.mean) * (v - s.mean)
		residue += v - s.mean
	}
	if s.n > 1 {
		s.variance = math.Max(0, squares-residue*residue/s.n) / (s.n - 1)
	}
	s.se, s.df, s.kish = math.Sqrt(s.variance/s.n), s.n-1, s.n
	if groups == nil {
		return s
	}

	s.units = 0
	for _, g := range groups {
		s.units = max(s.units, g+1)
	}
	sizes, totals := make([]float64, s.units), make([]float64, s.units)
	for i, g := range groups {
		sizes[g]++
		totals[g] += values[i] - s.mean
	}
	totalSquares, sizeSquares := 0.0, 0.0
	for g := range sizes {
		totalSquares += totals[g] * totals[g]
		sizeSquares += sizes[g] * sizes[g]
	}
	s.kish = s.n * s.n / sizeSquares
	if s.units < 2 {
		s.se, s.df = 0, 0
		return s
	}
	count := float64(s.units)
	s.se = math.Sqrt(totalSquares*count/(count-1)) / s.n
	s.df = clusterDF(sizes, s.n, intraclass(totalSquares, squares, sizeSquares, s))
	return s
}

// intraclass estimates how much rows of one cluster agree, from 0 to 1: the mean
// product of two residuals of one cluster over their variance.
func intraclass(totalSquares, squares, sizeSquares float64, s sample) float64 {
	pairs := s.variance * (sizeSquares - s.n)
	if pairs <= 0 {
		return 0
	}
	return math.Min(1, math.Max(0, (totalSquares-squares)/pairs))
}

// clusterDF is the number of degrees of freedom of the cluster-robust variance
// of a mean, after Bell and McCaffrey (2002) and Imbens and Kolesár (2016):
// Satterthwaite's (Σλ)²/Σλ², where λ are the eigenvalues of G'ΩG, G's columns
// are the clusters' residual vectors, and Ω is the covariance of rows of which
// two of one cluster correlate by icc. With clusters of one size it is their
// number less one. The sums are expanded, so that it takes one pass.
func clusterDF(sizes []float64, n, icc float64) float64 {
	total := 0.0 // variance of the sum over all rows
	for _, m := range sizes {
		total += m * (1 + (m-1)*icc)
	}
	var shares, variances, products, trace, squares float64
	for _, m := range sizes {
		p, v := m/n, m*(1+(m-1)*icc)
		shares += p * p
		variances += v * v
		products += p * v
		off := p*p*total - 2*p*v // what the sum over all pairs below counts for g = h
		trace += v + off
		squares += (v+off)*(v+off) - off*off
	}
	squares += 2*shares*variances + 2*products*products + total*total*shares*shares - 4*total*shares*products
	return trace * trace / squares
}

// groupsOf numbers the clusters' names from 0. It is nil when no two rows belong
// together.
func groupsOf(clusters []string) []int {
	if clusters == nil {
		return nil
	}
	numbers := make(map[string]int, len(clusters))
	groups := make([]int, len(clusters))
	for i, name := range clusters {
		g, seen := numbers[name]
		if !seen {
			g = len(numbers)
			numbers[name] = g
		}
		groups[i] = g
	}
	if len(numbers) == len(clusters) {
		return nil
	}
	return groups
}

// unitsWhere counts the clusters, or rows where there are none, that have a
// value for which yes holds.
func unitsWhere(values []float64, groups []int, yes func(float64) bool) int {
	count := 0
	seen := make([]bool, len(values))
	for i, v := range values {
		if !yes(v) {
			continue
		}
		if groups == nil {
			count++
		} else if !seen[groups[i]] {
			seen[groups[i]] = true
			count++
		}
	}
	return count
}

// rare says that so few of the units differ that their spread says little.
func rare(differing, units int) bool {
	return differing < 10 || differing < 20 && 2*differing < units
}

// constant says that the values do not differ by more than rounding, or that no
// two clusters do.
func (s sample) constant() bool { return s.se < 1e-12 }

// effective is the number of rows of an independent sample that is worth as much
// as this one: n over the design effect, which is the variance of the mean over
// what it were if rows were independent.
func (s sample) effective() float64 { return s.variance / (s.se * s.se) }

// fewest is the smaller of effective and of the rows that remain if all rows of
// a cluster were copies of one. It is for samples whose variance says little.
func (s sample) fewest() float64 {
	if s.constant() {
		return s.kish
	}
	return math.Min(s.kish, s.effective())
}
