package transport

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// checkedOrigins are the origins that the options list, as browsers write them. It panics on what no browser sends.
func checkedOrigins(list []string) []string {
	for _, origin := range list {
		if origin == "*" || origin == "null" {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || !strings.EqualFold(u.Scheme+"://"+u.Host, origin) {
			panic("transport: AllowedOrigins has " + strconv.Quote(origin) + "; an origin is scheme://host or scheme://host:port")
		}
	}
	return list
}

// originAllowed is the origin check: same host and port by default. Only browsers send an
// Origin (RFC 6454, section 7). The scheme is not compared, since a proxy may have taken TLS off; nothing but the
// Host header is believed about what the browser asked for.
func originAllowed(r *http.Request, allowed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, a := range allowed {
		if a == "*" || strings.EqualFold(a, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	usual := "80"
	if u.Scheme == "https" {
		usual = "443"
	}
	host, port := hostAndPort(r.Host, usual)
	name, at := hostAndPort(u.Host, usual)
	return port == at && name != "" && strings.EqualFold(host, name)
}

// hostAndPort splits hostport; usual is the port of one that names none.
func hostAndPort(hostport, usual string) (host, port string) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = strings.Trim(hostport, "[]"), usual
	}
	if port == "" {
		port = usual
	}
	return host, port
}
