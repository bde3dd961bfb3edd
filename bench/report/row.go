// Package report is what the benchmark says: rows, as a table for people and as JSON.
package report

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/trefoilgo/trefoil/bench/stats"
)

// Number is a figure; NaN, one that was not measured, is null in JSON.
type Number float64

// None is no figure.
func None() Number { return Number(math.NaN()) }

// MarshalJSON writes six significant digits, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 6, 64), nil
}

// Row is one peer in one case. Figures are medians of the rounds.
type Row struct {
	// Case is FAMILY/METRIC; the cases of a family are about the same measurements.
	Case string `json:"case"`
	// Peer is who is compared with ours; "trefoil" is ours.
	Peer string `json:"peer"`
	// Ratio says how many times better ours is, as the median of what it was in each round.
	Ratio Number `json:"ratio"`
	// Goal is what Ratio is to be at least; null if there is no goal.
	Goal Number `json:"goal"`
	// Met is whether it is; null if there is no goal.
	Met *bool `json:"met"`
	// ServerCPU is the server's processor time per operation, in microseconds.
	ServerCPU Number `json:"server_cpu_us"`
	// BytesPerOp is what connections carried per operation, both ways.
	BytesPerOp Number `json:"bytes_per_op"`
	P50        Number `json:"p50_us"`
	P99        Number `json:"p99_us"`
	OpsPerS    Number `json:"ops_per_s"`
	// KiB is the memory of a connection after a garbage collection, KiBBefore before it.
	KiB       Number `json:"kib,omitzero"`
	KiBBefore Number `json:"kib_before,omitzero"`
	// Syncs is how often the disk was synced per operation.
	Syncs Number `json:"syncs_per_op,omitzero"`
	// Down and Up are the bytes that each client is sent and sends per operation, Messages the messages both ways (an HTTP request is one, and its
	// answer), Join the bytes both ways until a client has connected and has everything.
	Down     Number `json:"down_per_op,omitzero"`
	Up       Number `json:"up_per_op,omitzero"`
	Messages Number `json:"messages_per_op,omitzero"`
	Join     Number `json:"join_bytes,omitzero"`
	// ClientCPU is the processor time of a page's thread per operation, in microseconds.
	ClientCPU Number `json:"client_cpu_us,omitzero"`
	// LongestTask is for how long a page was busy at a stretch at most, in milliseconds: the worst of all rounds.
	LongestTask Number `json:"longest_task_ms,omitzero"`
	// LongestTaskCPU is the most processor time that the page's thread has spent on one task, in milliseconds: the worst of all rounds.
	LongestTaskCPU Number `json:"longest_task_cpu_ms,omitzero"`
	// GoalText is the goal as the project states it, such as "cpu <= 0.55x".
	GoalText string `json:"goal_text,omitempty"`
	// Missing says why the peer was not measured, if it is not installed.
	Missing string `json:"missing,omitempty"`
	// Failed says why the peer was not measured, if something went wrong.
	Failed string `json:"failed,omitempty"`
}

// Judge sets the goal and whether Ratio meets it.
func (r *Row) Judge(metric string, g stats.Goal) {
	r.Goal = Number(g.Least())
	r.GoalText = metric + " " + g.String()
	met := g.Met(float64(r.Ratio))
	r.Met = &met
}

// JSON writes rows as a list of objects.
func JSON(rows []Row) ([]byte, error) {
	if rows == nil {
		rows = []Row{}
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	return append(b, '\n'), err
}
