package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// zCritical is the normal quantile that a two-sided interval of this level
// uses: 1.96 for 0.95.
func zCritical(level float64) float64 { return -mathext.NormalQuantile((1 - level) / 2) }

// normalTail is the chance that a standard normal value is beyond ±|z|.
func normalTail(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// critical is what a two-sided interval of this level uses: Student's t with df
// degrees of freedom, or the normal quantile if df is 0.
func critical(level, df float64) float64 {
	if df > 0 {
		return tCritical(level, df)
	}
	return zCritical(level)
}

// tail is the two-sided tail that belongs to [critical].
func tail(x, df float64) float64 {
	if df > 0 {
		return tTail(x, df)
	}
	return normalTail(x)
}

// tTail is the chance that a value of Student's t with df degrees of freedom is
// beyond ±|t|: I(df/(df+t²); df/2, 1/2).
func tTail(t, df float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	return mathext.RegIncBeta(df/2, 0.5, df/(df+t*t))
}

// tCritical is the quantile of Student's t that a two-sided interval of this
// level uses. It starts from the normal quantile and refines by Newton's method
// until tTail agrees with the level.
func tCritical(level, df float64) float64 {
	alpha := 1 - level
	x := mathext.InvRegIncBeta(df/2, 0.5, alpha)
	t := math.Sqrt(df * (1 - x) / x)
	for range 8 {
		step := (tTail(t, df) - alpha) / (2 * tDensity(t, df))
		t += step
		if math.Abs(step) <= 1e-15*t {
			break
		}
	}
	return t
}

// tDensity is the density of Student's t with df degrees of freedom.
func tDensity(t, df float64) float64 {
	return math.Exp(-(df+1)/2*math.Log1p(t*t/df)-mathext.Lbeta(df/2, 0.5)) / math.Sqrt(df)
}
