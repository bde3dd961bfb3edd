package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// listen opens addr, and says what to do if that fails.
func listen(addr string) (net.Listener, error) {
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

// announce prints where the house is.
func announce(out io.Writer, addr net.Addr, data, key string) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		fmt.Fprintln(out, "auction on", addr)
		return
	}
	ip := net.ParseIP(host)
	everywhere := ip != nil && ip.IsUnspecified()
	if everywhere || (ip != nil && ip.IsLoopback()) {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	fmt.Fprintf(out, "auction      http://%s\nauctioneer   http://%s/?key=%s\n", address, address, key)
	if everywhere {
		for _, ip := range localIPs() {
			fmt.Fprintf(out, "on this net  http://%s\n", net.JoinHostPort(ip.String(), port))
		}
		fmt.Fprintf(out, "Whoever reaches these addresses can bid; -addr localhost:%s keeps the house to this computer.\n", port)
	}
	fmt.Fprintf(out, "the house is kept in %s; stop with Ctrl-C\n", data)
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
