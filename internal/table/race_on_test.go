//go:build race

package table

// pointersAreChecked: the race detector also checks what unsafe code reads, and ends
// the program where it is wrong.
const pointersAreChecked = true
