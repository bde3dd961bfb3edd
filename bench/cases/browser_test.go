package cases

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// TestBrowser: where a browser is, the page handles what is published, and notices what is not as it was published.
func TestBrowser(t *testing.T) {
	env := testEnv(t)
	s, err := startBrowser(t.Context(), env, spec{})
	if errors.As(err, new(missing)) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	env.Lasts = 50 * time.Millisecond // so that there are several messages
	for _, perSecond := range []float64{0, browserPace} {
		got, err := browse(perSecond)(t.Context(), env, s)
		if err != nil || !(got.ops > 0 && got.p99 >= got.p50 && got.client > 0 && got.task > 0 && got.taskCPU > 0) {
			t.Fatalf("the sample is %+v, %v", got, err)
		}
	}
	bus, err := load.DialTopics(t.Context(), s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	if err := bus.Publish(t.Context(), 0, bytes.Repeat([]byte{'0'}, messageSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := browse(0)(t.Context(), env, s); err == nil {
		t.Error("a message that nobody was to publish went unnoticed")
	}
}
