package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Over TLS everything is as without: gathered writes, large frames, the end.
func TestTLS(t *testing.T) {
	for _, json := range []bool{false, true} {
		server := NewServer(&ServerOptions{Logger: quiet()}, echo())
		hs := httptest.NewTLSServer(server)
		p, ch := collector("echo", 10)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		roots := x509.NewCertPool()
		roots.AddCert(hs.Certificate())
		c, err := Dial(ctx, "wss"+strings.TrimPrefix(hs.URL, "https"), &ClientOptions{
			JSON: json, Logger: quiet(), TLS: &tls.Config{RootCAs: roots},
		}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 100, 500_000} {
			body := text(string(bytes.Repeat([]byte("x"), n)))
			if err := c.Session().Send(ctx, frameOf(16, 1, integer(1), body)); err != nil {
				t.Fatal(err)
			}
			if got := within(t, ch); got.body != string(body) {
				t.Errorf("%d bytes came back", len(got.body))
			}
		}
		there := server.Client(c.ID())
		c.Close()
		<-there.Done()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		hs.Close()
	}
}
