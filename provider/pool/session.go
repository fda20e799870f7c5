package pool

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/tandem-llm/tandem/provider"
)

// sessions remembers which host has read the beginning of which conversation. The zero
// value is empty.
type sessions struct {
	hosts map[uint64]*host
	order []uint64 // the oldest first
}

// mostSessions is how many conversations are remembered.
const mostSessions = 4096

func (s *sessions) set(key uint64, h *host) {
	if s.hosts == nil {
		s.hosts = map[uint64]*host{}
	}
	if _, ok := s.hosts[key]; !ok {
		if len(s.order) >= mostSessions {
			delete(s.hosts, s.order[0])
			s.order = s.order[1:]
		}
		s.order = append(s.order, key)
	}
	s.hosts[key] = h
}

// of is the host that has read the longest of those beginnings, or nil.
func (s *sessions) of(beginnings []uint64) *host {
	for i := len(beginnings) - 1; i >= 0; i-- {
		if h := s.hosts[beginnings[i]]; h != nil {
			return h
		}
	}
	return nil
}

// prefixes are the keys of what a host has read of a conversation once it has answered:
// of all of it, and of its beginnings that may have been asked for before, each of which
// an answer follows.
func prefixes(model string, messages []provider.Message) (all uint64, beginnings []uint64) {
	h := fnv.New64a()
	write := func(text string) {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(text)))
		_, _ = h.Write(size[:])
		_, _ = h.Write([]byte(text))
	}
	write(model)
	for i := range messages {
		m := &messages[i]
		if m.Role == provider.RoleAssistant && i > 0 {
			beginnings = append(beginnings, h.Sum64())
		}
		write(string(m.Role))
		write(m.Text)
		for _, image := range m.Images {
			write(image.URL)
			write(string(image.Data))
		}
	}
	return h.Sum64(), beginnings
}
