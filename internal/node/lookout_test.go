package node

import (
	"fmt"
	"testing"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// However many nodes there are, some look after all others at each heartbeat, and together
// they do it a bounded number of times. When those are gone, others take their place.
func TestWhoLooksAfterNodes(t *testing.T) {
	for _, size := range []int{1, 5, 8, 9, 100, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			nodes, outs := make([]natsqueue.Node, size), make([]lookout, size)
			for i := range nodes {
				nodes[i] = natsqueue.Node{ID: fmt.Sprintf("%04d", i), Batches: map[string]natsqueue.LeaseCounts{}}
				if i >= size/2 {
					nodes[i].Batches["b"] = natsqueue.LeaseCounts{}
				}
			}
			// beat is one heartbeat of all that speak: how many looked, for all nodes and for the batch.
			beat := func() (all, batch int) {
				for i := range nodes {
					if nodes[i].Silent || !outs[i].due() {
						continue
					}
					all++
					var ids []string
					if _, works := nodes[i].Batches["b"]; works {
						batch++
						ids = []string{"b"}
					}
					outs[i].saw(nodes, nodes[i].ID, ids)
				}
				return all, batch
			}
			if all, _ := beat(); all != size {
				t.Fatalf("%d of %d new nodes look", all, size)
			}
			looks := 0
			for range 1000 {
				all, batch := beat()
				if all < min(size, lookers) || batch < min(size-size/2, lookers) {
					t.Fatalf("%d look after all nodes, and %d after the batch", all, batch)
				}
				looks += all
			}
			if most := 1000 * min(size, 3*lookers); looks > most {
				t.Errorf("nodes look %d times, and at most %d are enough", looks, most)
			}
			if size <= 2*lookers {
				return
			}
			for i := range lookers {
				nodes[i].Silent, nodes[size/2+i].Silent = true, true
			}
			for range size/lookers + 1 {
				beat()
			}
			if all, batch := beat(); all < lookers || batch < lookers {
				t.Errorf("after the first are gone %d look after all nodes, and %d after the batch", all, batch)
			}
		})
	}
}
