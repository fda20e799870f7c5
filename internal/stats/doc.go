// Package stats is the statistics of comparisons: how two arms, such as two
// models, differ on the same rows, how sure that is, and what the rows decide.
// It knows nothing of models or files. Nothing it returns is NaN or infinite, and
// what it cannot say is an error, or the whole range as interval.
//
// # Scores
//
// Each row has a score from 0 to 1 in each arm: 0 or 1 for pass or fail, or a
// grade. Arms are paired by row, so that hard rows are hard for both, and only the
// differences count (Miller, "Adding error bars to evals", arXiv 2411.00640, 2024).
// Repeats of a row are averaged first. Rows that belong together,
// such as questions about one document, share a cluster. A row that failed in one
// arm is for the caller to score as 0 or to leave out of both.
//
// # The interval of a difference
//
// [Paired] chooses the interval by the scores:
//
//   - Pass or fail: Tango's score interval (1998). Over all outcomes of 10 to 60
//     rows it never covers less than 93 %, and comes closer to 95 % than Bonett
//     and Price's, which covers 97 to 99 % of so few rows.
//   - Graded: mean ± t·SE, Student's t with n−1 degrees of freedom, which is
//     scipy's ttest_rel.
//   - Graded, in clusters: mean ± t·SE with the cluster-robust SE
//     √(G/(G−1)·Σu²)/n, where u is a cluster's sum of residuals (CR1, Liang and
//     Zeger 1986, as in Stata and statsmodels). The degrees of freedom are those
//     of Bell and McCaffrey (2002) with the correlation within clusters that is
//     estimated as Imbens and Kolesár (2016) do. With clusters of one size they
//     are G−1, and fewer if some clusters are much larger: with G−1, 20 clusters
//     of very different sizes cover 88 % instead of 95 %.
//   - Pass or fail, in clusters: Tango's interval with the same t, for the
//     effective number of rows: n over the factor by which the clusters multiply
//     the variance (as Korn and Graubard do for one proportion, 1998).
//   - Few rows or clusters differ (fewer than 10, or fewer than 20 and less than
//     half): their spread says little. Tango's interval for the summed
//     differences, with one row a cluster if that is fewer, and graded scores as
//     if the same sums came from passes, which vary most.
//   - Fewer than 10 rows or 10 clusters: none. An interval of ten rows already
//     spans most of the scale (three better and two worse: −0.34 to 0.50), and
//     the spread of so few clusters cannot be estimated.
//
// [Difference.P] is the test that belongs to the interval: below 1 − level
// exactly if 0 is outside. For pass or fail it is McNemar's score test.
//
// # Coverage
//
// The tests of this package draw comparisons whose true difference is known, and
// count how often the 95 % interval has it. Drawn 40,000 times, it is
//
//   - 94 to 96 % for pass or fail of which ten or more rows are expected to
//     differ, up to 120 rows; this is exact, without a draw;
//   - 95.0 to 95.2 % for graded scores, with 30 to 1,000 rows and a correlation
//     of the arms from 0 to 0.95;
//   - 94.8 to 96.0 % for 20 to 100 clusters of five rows, or of 1 to 9, with a
//     correlation within them from 0 to 0.5; but 97 to 98 % for pass or fail in 20
//     clusters with 0.5, where often fewer than ten clusters differ;
//   - 93.7 to 100 % where few rows or clusters differ and 95 in 100 of those lean
//     one way, where Student's t may cover less than 75 %.
//
// Two cases are a little worse, and known: 93 % with 30 graded rows whose
// differences are very skewed, and with clusters of which a few hold most of the
// rows while nearly all differences have one sign. A [Sequence] that is watched
// over 1,000 rows covers 96 to 99 %. TANDEM_SIMULATIONS sets how often each case
// is drawn: 40000 takes some minutes.
//
// # Several comparisons
//
// [Family] decides about several comparisons by Holm's method, and gives each the
// interval from which its verdict can be read. [Difference.Verdict] is the verdict
// of one. The margin, if there is one, is the smallest difference that matters.
//
// # Before the run, and while it runs
//
// [Plan] is the smallest difference that so many rows can show, and how many rows
// show a difference. [NoiseFloor] is how far a target differs from itself. A
// [Sequence] is an interval that may be watched: it holds at every row at once, so
// a run may stop when the verdict stands. The interval of Paired must not be used
// for that: watched over 500 rows, it leaves out the truth in three of ten runs.
//
// # Judges
//
// [Agree] is how often a judge's labels are a person's, with Cohen's kappa, and
// [PositionBias] whether a judge prefers the answer that it reads first.
//
// # Where the figures come from
//
// scripts/goldens_stats.py writes what scipy and statsmodels say, and the tests
// hold this package to it to 1e-9. Of gonum, only mathext is used: the incomplete
// beta function, which Student's t and the binomial need, and the normal quantile.
package stats
