//go:build unix

package testnodes

// disk is where a server keeps its store. What it writes fails while the disk is full.
type disk interface {
	fill(server *process) error
	free(server *process) error
	close()
	String() string
}
