package httpx

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// wakePort is where the packet is sent: nobody listens there, the network card reads it.
const wakePort = 9

// Wake sends the packet that wakes the machine with a hardware (MAC) address, to the
// networks that this machine is in. That it was sent says nothing of whether the machine
// wakes up. Errors: Offline, and that it could be sent nowhere.
func (p Policy) Wake(ctx context.Context, address string) error {
	if p.Offline {
		return provider.Errorf(provider.Offline, "", "", "offline mode is on")
	}
	mac, err := net.ParseMAC(address)
	if err != nil {
		return err
	}
	packet := wakePacket(mac)
	var errs []error
	sent := false
	for _, to := range broadcasts() {
		if err := sendPacket(ctx, to, packet); err != nil {
			errs = append(errs, err)
			continue
		}
		sent = true
	}
	if sent {
		return nil
	}
	return errors.Join(errs...)
}

// wakePacket is what a sleeping network card looks for: six bytes of 0xff, and its address
// sixteen times.
func wakePacket(mac net.HardwareAddr) []byte {
	return append(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat(mac, 16)...)
}

func sendPacket(ctx context.Context, to netip.AddrPort, packet []byte) error {
	conn, err := watched(&net.Dialer{Timeout: time.Second}).DialContext(ctx, "udp4", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(packet)
	return err
}

// broadcasts are the addresses that all machines of a network listen to.
func broadcasts() []netip.AddrPort {
	out := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), wakePort)}
	addrs, _ := net.InterfaceAddrs() // without them, the one above is left
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil || n.IP.IsLoopback() || len(n.Mask) != net.IPv4len {
			continue
		}
		var last [4]byte
		for i, b := range n.IP.To4() {
			last[i] = b | ^n.Mask[i]
		}
		out = append(out, netip.AddrPortFrom(netip.AddrFrom4(last), wakePort))
	}
	return out
}
