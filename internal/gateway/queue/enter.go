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
	leave, err := q.enter(ctx, t, false)
	if err != nil {
		end()
		return nil, err
	}
	return func() {
		leave()
		end()
	}, nil
}

// enterBatch waits until nobody else waits for the engine or runs, and then among
// batches.
func (q *Queue) enterBatch(ctx context.Context, engine *priority.Engine, t exchange.Ticket) (release func(), err error) {
	for {
		anyway, err := engine.Wait(ctx)
		if err != nil {
			return nil, err
		}
		release, err := q.enter(ctx, t, true)
		if err != nil || anyway || engine.Free() {
			return release, err
		}
		release() // somebody has come meanwhile
	}
}
