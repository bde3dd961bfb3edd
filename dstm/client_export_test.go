package dstm

// Asking is how many questions about the past wait for an answer.
func (c *Client) Asking() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asking)
}
