package rpc

import (
	"context"
	"maps"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/status"
)

// Metadata is what travels beside a call or its answer: trace context, a tenant, a language.
// At most 32 entries, keys of 255 bytes, values of 4 KiB, all valid UTF-8.
type Metadata map[string]string

// valid reports whether md keeps the limits of the wire.
func (md Metadata) valid() bool {
	if len(md) > maxMetadata {
		return false
	}
	for k, v := range md {
		if len(k) > maxMetadataKey || len(v) > maxMetadataValue || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return false
		}
	}
	return true
}

// SetMetadata adds an entry to the answer of the call whose handler has ctx; the caller reads it by
// [ReplyMetadata]. It fails with failed_precondition outside a handler, and with invalid_argument beyond the limits of
// [Metadata]. It may be called from several goroutines until the handler returns.
func SetMetadata(ctx context.Context, key, value string) error {
	c, ok := ctx.Value(callKey{}).(*inCall)
	if !ok {
		return status.New(status.FailedPrecondition, "", "not inside a handler")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := Metadata{key: value}
	_, known := c.reply[key]
	if !entry.valid() || len(c.reply) == maxMetadata && !known {
		return status.New(status.InvalidArgument, "", "the metadata exceed their limits")
	}
	if c.reply == nil {
		c.reply = entry
	} else {
		c.reply[key] = value
	}
	return nil
}

// replyMetadata is a copy: a goroutine that the handler left behind may still set some.
func (c *inCall) replyMetadata() Metadata {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reply) == 0 {
		return nil
	}
	return maps.Clone(c.reply)
}
