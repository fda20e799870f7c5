package vec

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"testing"
)

// The file is made by scripts/goldens_mmr.py from LangChain's own function.
func TestMMRChoosesAsLangChainDoes(t *testing.T) {
	raw, err := os.ReadFile("testdata/mmr.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		MadeWith string `json:"made_with"`
		Cases    []struct {
			Query   []float32
			Vectors [][]float32
			K       int
			Lambda  float64
			Want    []int
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 100 {
		t.Fatalf("%d cases, want at least 100", len(golden.Cases))
	}
	for i, c := range golden.Cases {
		if got := MMR(c.Query, c.Vectors, c.K, c.Lambda); !slices.Equal(got, c.Want) {
			t.Errorf("case %d (k %d, lambda %g, %d vectors): %v, %s chooses %v", i, c.K, c.Lambda, len(c.Vectors), got, golden.MadeWith, c.Want)
		}
	}
}

func TestCosine(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{1, 0}, []float32{2, 0}, 1},
		{[]float32{1, 0}, []float32{0, 3}, 0},
		{[]float32{1, 0}, []float32{-1, 0}, -1},
		{[]float32{1, 1}, []float32{1, 0}, math.Sqrt2 / 2},
		{[]float32{1, 2, 3, 4, 5}, []float32{1, 2, 3, 4, 5}, 1},
		{[]float32{0, 0}, []float32{1, 0}, 0},
		{[]float32{nan, 0}, []float32{1, 0}, 0},
		{nil, nil, 0},
	} {
		if got := Cosine(c.a, c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("Cosine(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestVectorsOfDifferentLengthsAreNotCompared(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Cosine of 2 and 3 dimensions returned")
		}
	}()
	Cosine([]float32{1, 2}, []float32{1, 2, 3})
}

func TestTopIsASortByCosineCutAtK(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	vectors := make([][]float32, 60)
	for i := range vectors {
		// Few directions, so that many scores are equal.
		vectors[i] = []float32{float32(r.IntN(3)), float32(r.IntN(3)), float32(r.IntN(2))}
	}
	query := []float32{1, 2, 1}
	want := make([]int, len(vectors))
	for i := range want {
		want[i] = i
	}
	sort.SliceStable(want, func(i, j int) bool { return Cosine(query, vectors[want[i]]) > Cosine(query, vectors[want[j]]) })
	for _, k := range []int{-1, 0, 1, 7, 60, 100} {
		if got, cut := Top(query, vectors, k), want[:max(0, min(k, len(want)))]; !slices.Equal(got, cut) {
			t.Errorf("Top %d = %v, want %v", k, got, cut)
		}
	}
}

func BenchmarkTop100kOf384(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	vectors := make([][]float32, 100_000)
	for i := range vectors {
		vectors[i] = make([]float32, 384)
		for j := range vectors[i] {
			vectors[i][j] = r.Float32() - 0.5
		}
	}
	for b.Loop() {
		Top(vectors[7], vectors, 5)
	}
}
