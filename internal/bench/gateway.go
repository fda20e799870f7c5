package bench

import (
	"context"
	"fmt"
	"time"
)

// GatewayRow is what a gateway does at a time, compared with the proxy that only passes
// on what comes, in the same round.
type GatewayRow struct {
	Work  string  `json:"work"`
	Who   string  `json:"who"`
	Wall  float64 `json:"wall_us"` // of a request, from its client's side
	Rate  float64 `json:"per_second"`
	CPU   float64 `json:"cpu_us"`     // processor time of the process for a request; 0: not known
	Ratio Spread  `json:"rate_ratio"` // to the proxy's
	Added Spread  `json:"added_us"`   // to the median request, above the server without a gateway; one at a time only
}

// gatewayLoads are the requests that are sent, in a quantity of a second or less.
var gatewayLoads = []struct {
	c, requests, streams int
}{{1, 300, 150}, {16, 800, 300}, {64, 1200, 400}, {256, 1500, 500}}

// settle is how long after a load a process may still work for it, such as on its log.
const settle = 300 * time.Millisecond

// Gateway measures Tandem's gateway, and the proxy, in turns. A wrong answer is an error.
func Gateway(ctx context.Context, p Plan) ([]GatewayRow, error) {
	g, err := startGateway(ctx, p)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	whos := []string{"server", "proxy", "tandem"}
	askers := map[string]*asker{"server": newAsker(g.server), "proxy": newAsker(g.proxy), "tandem": newAsker(g.tandem)}
	var rows []GatewayRow
	for _, l := range gatewayLoads {
		for _, stream := range []bool{false, true} {
			title, n := fmt.Sprintf("whole answers, %d at once", l.c), l.requests
			if stream {
				title, n = fmt.Sprintf("streams of %d tokens, %d at once", Tokens, l.c), l.streams
			}
			fmt.Fprintf(p.Log, "gateway, %s: %d rounds\n", title, p.Rounds)
			walls, medians, cpu := map[string][]float64{}, map[string][]float64{}, map[string]time.Duration{}
			for round := -1; round < p.Rounds; round++ { // one to warm up
				if round == 0 {
					g.cpu(cpu, -1)
				}
				for i := range whos {
					who := whos[i]
					if round%2 == 1 {
						who = whos[len(whos)-1-i]
					}
					wall, each, err := askers[who].load(ctx, stream, n, l.c)
					if err != nil {
						return nil, fmt.Errorf("%s, %s: %w", who, title, err)
					}
					if round >= 0 {
						walls[who] = append(walls[who], float64(wall.Microseconds())/float64(n))
						medians[who] = append(medians[who], median(each))
					}
				}
			}
			time.Sleep(settle)
			g.cpu(cpu, 1)
			for _, who := range whos[1:] {
				row := GatewayRow{Work: title, Who: who, CPU: float64(cpu[who].Microseconds()) / float64(n*p.Rounds), Wall: median(medians[who]), Rate: 1e6 / median(walls[who]), Ratio: spread(divide(walls["proxy"], walls[who]))}
				if l.c == 1 {
					row.Added = spread(subtract(medians[who], medians["server"]))
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}
