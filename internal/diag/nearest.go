package diag

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest returns the known word that was most likely meant by word: at most two
// edits away (one if word has fewer than five letters), or else one that starts
// with word. Case does not count. The second result is false when none is near.
func Nearest(word string, known []string) (string, bool) {
	lower := strings.ToLower(word)
	best, distance := "", min(2, (len(lower)+1)/3)+1
	for _, k := range known {
		if d := edits(lower, strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return best, true
	}
	for _, k := range known {
		if len(lower) >= 2 && strings.HasPrefix(strings.ToLower(k), lower) {
			return k, true
		}
	}
	return "", false
}

// Suggest returns the remedy for an unknown word: the nearest known one, or else
// all of them.
func Suggest(word string, known []string) string {
	if near, ok := Nearest(word, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(known)))
	return "known: " + strings.Join(sorted, ", ")
}

// edits counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a: the Damerau–Levenshtein distance, where no part is
// edited twice.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	beforeLast, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			replace := last[j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		beforeLast, last = last, row
	}
	return last[len(y)]
}
