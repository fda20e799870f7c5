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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.book.Renew(l.mark)
	l.timer.Reset(renewEvery)
}

// stop renews no more; when it returns, no renewal is under way. A nil lease has
// none.
func (l *lease) stop() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.timer.Stop()
}
