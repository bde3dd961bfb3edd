package engine

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

const (
	nodeLeaf = 1
	nodeMap  = 2
	nodeList = 3
)

// objectFields are the elements of an object's piece before its nodes.
const objectFields = 6

// ObjectPiece is the piece of an object.
func ObjectPiece(name string, o *Object) []byte {
	b := codec.AppendString(beginPiece(objectFields+countNodes(&o.Root), pieceObject), name)
	b = codec.AppendBytes(appendCounters(b, o.Version, o.Position), o.Hash[:])
	b = codec.AppendInt(b, int64(o.Root.Size()))
	return endPiece(appendNode(b, "", &o.Root))
}

// countNodes recurses no deeper than tree.MaxDepth, as do all that follow.
func countNodes(n *tree.Node) int {
	count := 1
	for _, kid := range n.Kids.All() {
		count += countNodes(kid)
	}
	return count
}

func appendNode(b []byte, key string, n *tree.Node) []byte {
	if n.IsLeaf() {
		b = codec.AppendInt(codec.AppendArray(b, 4), nodeLeaf)
		b = appendCounters(codec.AppendString(b, key), n.Written)
		return append(b, n.Leaf...)
	}
	kind := int64(nodeMap)
	if n.IsList() {
		kind = nodeList
	}
	b = codec.AppendInt(codec.AppendArray(b, 6), kind)
	b = appendCounters(codec.AppendString(b, key), n.Written, n.Keys, n.Below)
	b = codec.AppendInt(b, int64(n.Len()))
	for key, kid := range n.Children() {
		b = appendNode(b, key, kid)
	}
	return b
}

// ObjectInfo is the beginning of an object's piece.
type ObjectInfo struct {
	Name     string
	Version  uint64
	Position uint64
	Hash     [8]byte
	Size     int // bytes of the value
}

// ReadObjectInfo reads the beginning of an object's piece. A piece that is not what was written is ErrDamaged, one of a newer
// format ErrFormat; so it is for all pieces.
func ReadObjectInfo(piece []byte) (ObjectInfo, error) {
	a, err := openPiece(piece, pieceObject)
	if err != nil {
		return ObjectInfo{}, err
	}
	info, ok := readObjectInfo(&a)
	if !ok {
		return ObjectInfo{}, errPiece()
	}
	return info, nil
}

func readObjectInfo(a *codec.Reader) (ObjectInfo, bool) {
	info := ObjectInfo{Name: a.String(), Version: counter(a), Position: counter(a)}
	ok := fixed(info.Hash[:], a)
	info.Size = int(a.Int())
	return info, ok && a.Err() == nil && txn.ValidName(info.Name) && info.Version <= info.Position && info.Position <= maxCounter
}

// ReadObject reads the piece of the object called name and keeps no part of it.
func ReadObject(name string, piece []byte) (Object, error) {
	a, err := openPiece(piece, pieceObject)
	if err != nil {
		return Object{}, err
	}
	info, ok := readObjectInfo(&a)
	if !ok || info.Name != name {
		return Object{}, errPiece()
	}
	key, root, ok := readNode(&a, 0)
	if !ok || key != "" || !root.IsMap() || a.Len() != 0 || root.Size() != info.Size {
		return Object{}, errPiece()
	}
	return Object{Root: root, Version: info.Version, Position: info.Position, Hash: info.Hash}, nil
}

// readNode reads a node that hangs depth keys below the root, with all below it.
func readNode(a *codec.Reader, depth int) (string, tree.Node, bool) {
	record := a.Array()
	kind, key, written := record.Int(), record.String(), counter(&record)
	if kind == nodeLeaf {
		value := record.Raw()
		if record.Err() != nil || record.Len() != 0 || a.Err() != nil {
			return "", tree.Node{}, false
		}
		if v := value.Reader(); v.Kind() == codec.Map {
			return "", tree.Node{}, false
		}
		return key, tree.Node{Leaf: append(make(codec.Raw, 0, len(value)), value...), Written: written}, true
	}
	n := tree.Node{Written: written, Keys: counter(&record), Below: counter(&record)}
	if kind == nodeList {
		n = tree.NewList(n.Written, n.Keys, n.Below)
	}
	children := record.Int()
	if kind != nodeMap && kind != nodeList || record.Err() != nil || record.Len() != 0 || a.Err() != nil || children < 0 || children > 0 && depth == tree.MaxDepth {
		return "", tree.Node{}, false
	}
	before := ""
	for range children {
		id, kid, ok := readNode(a, depth+1)
		if !ok || !tree.ValidKey(id) || n.IsMap() && id <= before || n.IsList() && n.Kids.Get(id) != nil {
			return "", tree.Node{}, false
		}
		n = n.With(id, kid)
		before = id
	}
	return key, n, true
}
