// Package clustertest is the contract of [transport.Cluster] as tests, for whoever implements it.
package clustertest

import (
	"context"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// Crasher is a cluster that can lose a node, for the tests of leases. An implementation that stands on a real service wraps itself to offer
// it: it cuts the node's connections and stops its renewals without a farewell. Clusters without it skip those tests.
type Crasher interface {
	// Crash makes node stop as if its process had died.
	Crash(node transport.ID)
	// Lease is how long the cluster takes at most to notice. The tests wait a few of it: make it short.
	Lease() time.Duration
}

// patience bounds what must happen but may take its way over a network.
const patience = 10 * time.Second

// Run tests the clusters that newCluster makes, a fresh and empty one for each test. newCluster ends
// what it started by t.Cleanup.
func Run(t *testing.T, newCluster func(t *testing.T) transport.Cluster) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cluster := newCluster(t)
			if _, ok := cluster.(Crasher); c.crash && !ok {
				t.Skip("the cluster is no Crasher")
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience+60*time.Second)
			defer cancel()
			if err := c.run(ctx, cluster); err != nil {
				t.Error(err)
			}
		})
	}
}

// cases return errors in place of failing a test, so that this package's own tests can see that each wrong cluster is found.
var cases = []struct {
	name  string
	run   func(ctx context.Context, c transport.Cluster) error
	crash bool
}{
	{"Register", register, false},
	{"Replace", replace, false},
	{"Filter", filter, false},
	{"Unregister", unregister, false},
	{"SessionOfAnother", sessionOfAnother, false},
	{"OneOfTwoSeesTheOther", oneOfTwo, false},
	{"StopIterating", stopIterating, false},
	{"Send", send, false},
	{"SendToNobody", sendToNobody, false},
	{"Order", order, false},
	{"OneAtATime", oneAtATime, false},
	{"HandlerAnswers", handlerAnswers, false},
	{"JoinTwice", joinTwice, false},
	{"Leave", leave, false},
	{"LeaveWaitsForHandler", leaveWaits, false},
	{"CanceledContext", canceled, false},
	{"LeaseIsRenewed", renewed, true},
	{"CrashedNodeGoes", crashed, true},
}
