package site

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens addr, the value of the flag -addr, and says what to do if that fails.
func Listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) || isWindowsInUse(err):
		return nil, fmt.Errorf("address %s is taken by another program: choose another with -addr", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("not allowed to listen on %s: choose a port above 1023 with -addr", addr)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %q: %w", addr, err)
	}
	return listener, nil
}

// isWindowsInUse knows WSAEADDRINUSE, which Go does not translate.
func isWindowsInUse(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number == 10048
}

// Addresses are those under which a page can be opened, as browsers take them.
type Addresses struct {
	Here string   // on this computer, or the only one
	Net  []string // on others of the local network, if all interfaces are listened on
	Port string
}

// AddressesOf are the addresses of what listens on addr.
func AddressesOf(addr net.Addr) Addresses {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return Addresses{Here: addr.String()}
	}
	url := func(host string) string { return "http://" + net.JoinHostPort(host, port) }
	ip := net.ParseIP(host)
	a := Addresses{Here: url(host), Port: port}
	if ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		a.Here = url("localhost")
	}
	if ip != nil && ip.IsUnspecified() {
		for _, ip := range localIPs() {
			a.Net = append(a.Net, url(ip.String()))
		}
	}
	return a
}

// localIPs lists the IPv4 addresses under which others of the local network may reach this computer.
func localIPs() (ips []net.IP) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, addr := range addrs {
		if n, ok := addr.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}
