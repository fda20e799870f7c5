package listen

import (
	"net"
	"os"
)

// Notifier returns what tells systemd how the service does, such as READY=1, and takes
// the variable NOTIFY_SOCKET away from children. Without systemd it does nothing.
func Notifier() func(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET")
	if name == "" {
		return func(string) {}
	}
	return func(state string) {
		c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			return // nobody is left to be told
		}
		defer c.Close()
		_, _ = c.Write([]byte(state))
	}
}
