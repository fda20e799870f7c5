package exchange

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// beat says that the call is alive, and repeats it. The first one opens the
// stream.
func (rp *reply) beat() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if rp.timer == nil { // it was stopped meanwhile
		return
	}
	if err := rp.writeLocked(func(w io.Writer) error { return rp.d.Beat(w, &rp.answer) }); err != nil {
		return // the client has left: the request's context says so
	}
	rp.timer.Reset(rp.x.cfg.Heartbeat)
}

// startTimer begins the heartbeats.
func (rp *reply) startTimer() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.timer = time.AfterFunc(rp.x.cfg.Heartbeat, rp.beat)
}

// stopTimer ends the heartbeats.
func (rp *reply) stopTimer() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if rp.timer != nil {
		rp.timer.Stop()
		rp.timer = nil
	}
}

// close ends the heartbeats, and leaves the writer alone from now on.
func (rp *reply) close() {
	rp.stopTimer()
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.unsent = false
}

// write writes to the stream, and sends it. The first one opens the stream.
func (rp *reply) write(f func(io.Writer) error) error {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	return rp.writeLocked(f)
}

// goOn writes a piece of the answer; the first one opens the stream. It is sent when all
// that has come is written: pieces that came together go on together, and none waits for
// another.
func (rp *reply) goOn(c *provider.Chunk, first bool) error {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if rp.lost != nil {
		return rp.lost
	}
	if first { // who answers is settled from now on
		rp.openLocked()
	}
	if err := rp.d.Chunk(&rp.events, &rp.answer, c); err != nil {
		return err
	}
	if !rp.unsent {
		rp.unsent = true
		if !rp.told { // a goroutine sends it that comes to its turn when this one waits
			go rp.send()
		}
	}
	return nil
}

// waits is told that all that has come of the answer is written, and more is waited for.
func (rp *reply) waits() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.told = true
	rp.sendLocked()
}

// send sends what was written.
func (rp *reply) send() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.sendLocked()
}

func (rp *reply) sendLocked() {
	if rp.unsent {
		rp.lost = rp.flushLocked()
	}
}

func (rp *reply) flushLocked() error {
	rp.unsent = false
	return http.NewResponseController(rp.w).Flush()
}

func (rp *reply) writeLocked(f func(io.Writer) error) error {
	rp.openLocked()
	if err := f(&rp.events); err != nil {
		return err
	}
	return rp.flushLocked()
}

// openLocked has the answer say what the call is now, and writes the stream's header if it
// is not written.
func (rp *reply) openLocked() {
	rp.currentLocked()
	if rp.open {
		return
	}
	rp.open = true
	h := rp.w.Header()
	writeHeaders(h, &rp.answer.Call)
	h.Set("Content-Type", rp.d.ContentType())
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx passes it on as it comes
	rp.w.WriteHeader(http.StatusOK)
}

// headers writes the headers of the call as it is when the reply begins.
func (rp *reply) headers() {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.currentLocked()
	writeHeaders(rp.w.Header(), &rp.answer.Call)
}

// writeHeaders says who answers and why, as far as it is known.
func writeHeaders(h http.Header, c *Call) {
	set := func(name, value string) {
		if value != "" {
			h.Set(name, oneLine(value))
		}
	}
	set("X-Tandem-Id", c.ID)
	target := c.Provider
	if target != "" && c.Model != "" {
		target += "/" + c.Model
	}
	if c.Position > 0 {
		set("X-Tandem-Position", strconv.Itoa(c.Position))
	}
	set("X-Tandem-Target", target)
	set("X-Tandem-Ignored", strings.Join(c.Ignored, ", "))
	set("X-Tandem-Notes", strings.Join(c.Notes, "; "))
	attempts := c.Attempts
	if rt := c.Route; rt != nil {
		attempts = rt.Attempts
		set("X-Tandem-Reason", rt.Reason)
	}
	if local, cost, ok := c.total(); ok {
		set("X-Tandem-Local", strconv.FormatBool(local))
		if cost != nil && cost.USD != nil {
			set("X-Tandem-Cost", strconv.FormatFloat(*cost.USD, 'f', -1, 64))
		} else {
			set("X-Tandem-Cost", "unknown")
		}
	}
	var list []string
	for _, a := range attempts {
		list = append(list, fmt.Sprintf("%s=%s", a.Who(), a.Outcome))
	}
	set("X-Tandem-Attempts", strings.Join(list, ", "))
}
