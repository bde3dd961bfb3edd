package tree

// Next returns the child that stands behind the one called key, in the order of Children, and its key;
// the first for "". It is nil if there is none, or if a list has no element called key.
func (n *Node) Next(key string) (string, *Node) {
	if n.order == nil {
		return n.Kids.After(key)
	}
	at := ""
	if key != "" {
		label := n.order.labels.Get(key)
		if label == nil {
			return "", nil
		}
		at = *label
	}
	_, id := n.order.ids.After(at)
	if id == nil {
		return "", nil
	}
	return *id, n.Kids.Get(*id)
}
