package queue

import (
	"context"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/priority"
)

// Enter waits for a call's turn.
func (q *Queue) Enter(ctx context.Context, t exchange.Ticket) (release func(), err error) {
	var engine *priority.Engine
	if q.cfg.Engine != nil {
		engine = q.cfg.Engine(t.Provider)
	}
	if priority.IsBatch(ctx) {
		return q.enterBatch(ctx, engine, t)
	}
	end := engine.Begin()
	turn, err := q.enter(ctx, t, rank{})
	if err != nil {
		end()
		return nil, err
	}
	turn.tell()
	return func() {
		turn.leave()
		end()
	}, nil
}

// enterBatch waits until nobody else waits for the engine or runs, and then among
// batches. A call that has waited for as long as one has to comes before others.
func (q *Queue) enterBatch(ctx context.Context, engine *priority.Engine, t exchange.Ticket) (release func(), err error) {
	for {
		due, err := engine.Wait(ctx)
		if err != nil {
			return nil, err
		}
		turn, err := q.enter(ctx, t, rank{batch: true, due: due})
		if err != nil {
			return nil, err
		}
		if turn.due || engine.Free() {
			turn.tell()
			return turn.leave, nil
		}
		turn.handBack() // somebody has come meanwhile
	}
}
