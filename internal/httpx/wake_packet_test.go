package httpx

import (
	"net"
	"net/netip"
	"testing"
)

// A network card that listens sees its own address sixteen times.
func TestTheWakePacketIsSent(t *testing.T) {
	card, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = card.Close() })
	mac := net.HardwareAddr{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x01}
	if err := sendPacket(t.Context(), netip.MustParseAddrPort(card.LocalAddr().String()), wakePacket(mac)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	n, _, err := card.ReadFrom(buf)
	if err != nil || n != 6+16*6 {
		t.Fatalf("%d bytes, %v; want 102", n, err)
	}
	for i, b := range buf[:n] {
		if want := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac...)[map[bool]int{true: i, false: 6 + i%6}[i < 6]]; b != want {
			t.Fatalf("byte %d is %x, want %x", i, b, want)
		}
	}
}
