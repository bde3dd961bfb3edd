package pmap

// Sorted is the map of keys, strictly ascending, to the values beside them. It costs one step for each, where Put
// costs many.
func Sorted[V any](keys []string, values []V) Map[V] {
	return Map[V]{build(keys, values)}
}

func build[V any](keys []string, values []V) *entry[V] {
	if len(keys) == 0 {
		return nil
	}
	mid := len(keys) / 2
	value := values[mid] // apart, or one that is still in use would keep all
	return &entry[V]{
		key: keys[mid], value: &value, size: len(keys),
		left: build(keys[:mid], values[:mid]), right: build(keys[mid+1:], values[mid+1:]),
	}
}
