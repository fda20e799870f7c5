package guard

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Limits bound what a client may take. A zero field is its default.
type Limits struct {
	Body       int64         // bytes of one body, after decompression; 64 MiB
	Bodies     int64         // bytes of the bodies of all requests under way; 512 MiB
	Upload     int64         // bytes of one form with files; 200 MiB
	UploadTime time.Duration // to send it; 10 minutes
	Header     int           // bytes of a request's line and headers; 64 KiB
	HeaderTime time.Duration // to send them; 10 s
	BodyTime   time.Duration // to send the body; 2 minutes
	WriteTime  time.Duration // to take one piece of the answer; 30 s
	IdleTime   time.Duration // of a connection between requests; 2 minutes
}

func (l Limits) complete() (Limits, error) {
	if min(l.Body, l.Bodies, int64(l.Header), int64(l.HeaderTime), int64(l.BodyTime), l.Upload, int64(l.UploadTime), int64(l.WriteTime), int64(l.IdleTime)) < 0 {
		return l, errors.New("a limit of requests must not be negative")
	}
	l.Body = cmp.Or(l.Body, 64<<20)
	l.Bodies = cmp.Or(l.Bodies, max(512<<20, 2*l.Body))
	l.Upload = cmp.Or(l.Upload, 200<<20)
	l.UploadTime = cmp.Or(l.UploadTime, 10*time.Minute)
	l.Header = cmp.Or(l.Header, 64<<10)
	l.HeaderTime = cmp.Or(l.HeaderTime, 10*time.Second)
	l.BodyTime = cmp.Or(l.BodyTime, 2*time.Minute)
	l.WriteTime = cmp.Or(l.WriteTime, 30*time.Second)
	l.IdleTime = cmp.Or(l.IdleTime, 2*time.Minute)
	return l, nil
}

// Server is an HTTP server of the handler behind the guard. What net/http has to say of
// connections goes into the guard's log.
func (g *Guard) Server(next http.Handler) *http.Server {
	s := &http.Server{Handler: g.Wrap(next), ReadHeaderTimeout: g.cfg.Limits.HeaderTime}
	g.Limit(s)
	if g.cfg.Log != nil {
		s.ErrorLog = slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelWarn)
	}
	return s
}

// Limit sets what net/http itself decides, such as the limits of headers and idle
// connections. It takes away those of whole requests and answers, which would cut
// long streams: the guard bounds them by their progress. The server ends without waiting
// for connections on which nothing was sent.
func (g *Guard) Limit(s *http.Server) {
	l := g.cfg.Limits
	s.MaxHeaderBytes = max(1, l.Header-netHTTPSlop)
	s.ReadHeaderTimeout = l.HeaderTime
	s.IdleTimeout = l.IdleTime
	s.ReadTimeout, s.WriteTimeout = 0, 0
	s.DisableGeneralOptionsHandler = true // net/http would answer OPTIONS * to anybody
	var u unused
	s.ConnState = u.changed
	s.RegisterOnShutdown(u.closeAll)
}

// netHTTPSlop is what net/http adds to MaxHeaderBytes.
const netHTTPSlop = 4096
