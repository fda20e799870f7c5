//go:build !race

package table

// pointersAreChecked: see race_on_test.go.
const pointersAreChecked = false
