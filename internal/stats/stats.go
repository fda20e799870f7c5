package stats

import (
	"errors"
	"fmt"
)

// Below these numbers there is no interval: [Difference] and [Rate] have the
// whole range instead, and [NoInterval] as their method. The package
// documentation says why.
const (
	MinRows     = 10
	MinClusters = 10
)

// What is wrong with arguments. The errors of this package wrap one of these and
// say where.
var (
	ErrEmpty   = errors.New("no rows")
	ErrLengths = errors.New("different numbers of rows")
	ErrScore   = errors.New("a score is not a number from 0 to 1")
	ErrSetting = errors.New("a setting is out of range")
)

// Method is how an interval was made.
type Method int

// The methods. Package documentation says when each is used.
const (
	NoInterval   Method = iota // too few rows or clusters: the bounds are those of the scale
	Wilson                     // score interval of one proportion
	Tango                      // score interval of a paired difference of proportions
	StudentT                   // mean ± t·SE
	ClusterT                   // mean ± t·SE, with the cluster-robust SE
	ClusterScore               // Wilson or Tango with the effective number of rows
	BoundedScore               // Wilson or Tango for graded scores that rarely differ; wide, on the safe side
	AlwaysValid                // holds at every row, see Sequence
)

// String is the method as a report names it.
func (m Method) String() string {
	switch m {
	case NoInterval:
		return "none"
	case Wilson:
		return "Wilson score"
	case Tango:
		return "Tango score"
	case StudentT:
		return "Student's t"
	case ClusterT:
		return "cluster-robust t"
	case ClusterScore:
		return "cluster-robust score"
	case BoundedScore:
		return "bounded score"
	case AlwaysValid:
		return "always valid"
	}
	return fmt.Sprintf("Method(%d)", int(m))
}

// checkLevel refuses a level that is not between 0 and 1.
func checkLevel(level float64) error {
	if !(level > 0 && level < 1) {
		return fmt.Errorf("%w: level %v is not between 0 and 1", ErrSetting, level)
	}
	return nil
}

// checkScores refuses scores that are not from 0 to 1.
func checkScores(what string, scores []float64) error {
	for i, s := range scores {
		if !(s >= 0 && s <= 1) {
			return fmt.Errorf("%w: %s, row %d: %v", ErrScore, what, i+1, s)
		}
	}
	return nil
}

// checkClusters refuses another number of clusters than of rows. nil is none.
func checkClusters(clusters []string, rows int) error {
	if clusters != nil && len(clusters) != rows {
		return fmt.Errorf("%w: %d rows, and %d cluster names", ErrLengths, rows, len(clusters))
	}
	return nil
}

// isBinary says that every score is 0 or 1.
func isBinary(scores []float64) bool {
	for _, s := range scores {
		if s != 0 && s != 1 {
			return false
		}
	}
	return true
}
