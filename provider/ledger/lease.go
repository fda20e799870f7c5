package ledger

import (
	"sync"
	"time"
)

// renewEvery is how often the book is told that a call is still under way.
const renewEvery = time.Minute

// lease renews a reservation for as long as its call takes, whether or not
// anything comes of the answer.
type lease struct {
	book Book
	mark int64

	mu    sync.Mutex
	timer *time.Timer
	over  bool
}

// startLease renews a reservation until stop is called.
func startLease(book Book, mark int64) *lease {
	l := &lease{book: book, mark: mark}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(renewEvery, l.renew)
	return l
}

func (l *lease) renew() {
	if l.ended() {
		return
	}
	l.book.Renew(l.mark) // takes as long as the book does; the call's end does not wait for it
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.timer.Reset(renewEvery)
	}
}

func (l *lease) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// stop begins no more renewals. One under way may end later. A nil lease has none.
func (l *lease) stop() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.timer.Stop()
}
