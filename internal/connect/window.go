package connect

// Short reports whether a model's context window is too small for the client's first
// request in an empty folder, and which window would do. Half as much again is left for
// the conversation and the answer.
func (c *Client) Short(window int) (needs int, short bool) {
	if window <= 0 || window >= c.First {
		return 0, false
	}
	needs = 8192
	for needs < c.First+c.First/2 {
		needs *= 2
	}
	return needs, true
}
