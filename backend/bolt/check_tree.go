package bolt

import "bytes"

// maxKeySize is bbolt's own limit.
const maxKeySize = 32768

// checkTree checks the pages of one bucket from root down, and the buckets in it. All keys are at least from and
// below to; nil is no bound.
func (c *checker) checkTree(root uint64, from, to []byte, depth, bucketDepth int) error {
	p, err := c.read(root)
	if err != nil {
		return err
	}
	defer c.done(p)
	if p.flags != branchPage {
		return c.checkLeaf(p, from, to, bucketDepth)
	}
	if p.count == 0 || depth == maxTreeDepth {
		return damaged("page %d is an empty branch or too deep", p.id)
	}
	if err := p.checkRoom(); err != nil {
		return err
	}
	key, err := p.key(0, 0, 4)
	for i := uint16(0); err == nil && i < p.count; i++ {
		next := to
		if i+1 < p.count {
			if next, err = p.key(i+1, 0, 4); err != nil {
				break
			}
		}
		if err = p.checkOrder(key, from, next); err != nil {
			break
		}
		err = c.checkTree(order.Uint64(p.element(i)[8:]), key, next, depth+1, bucketDepth)
		from, key = key, next
	}
	return err
}

// checkLeaf checks a page of keys and values.
func (c *checker) checkLeaf(p page, from, to []byte, bucketDepth int) error {
	if p.flags != leafPage {
		return damaged("page %d has flags %x where a tree goes on", p.id, p.flags)
	}
	if err := p.checkRoom(); err != nil {
		return err
	}
	var before []byte
	for i := range p.count {
		key, err := p.key(i, 4, 8)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(before, key) >= 0 {
			return damaged("the keys of page %d do not ascend", p.id)
		}
		before = key
		if err := p.checkOrder(key, from, to); err != nil {
			return err
		}
		switch flags := order.Uint32(p.element(i)); flags {
		case 0:
			err = p.checkValue(i)
		case bucketElement:
			var value []byte
			if value, err = p.value(i); err == nil {
				err = c.checkBucket(p.id, value, bucketDepth+1)
			}
		default:
			err = damaged("an element of page %d has flags %x", p.id, flags)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBucket checks what the value of a bucket says.
func (c *checker) checkBucket(id uint64, value []byte, bucketDepth int) error {
	if len(value) < bucketHeader || bucketDepth > maxBucketDepth {
		return damaged("a bucket in page %d is cut off or too deep", id)
	}
	if root := order.Uint64(value); root != 0 {
		return c.checkTree(root, nil, nil, 0, bucketDepth)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader {
		return damaged("a bucket in page %d is cut off", id)
	}
	p := page{c: c, id: id, flags: order.Uint16(inline[8:]), count: order.Uint16(inline[10:]), size: uint64(len(inline)), data: inline}
	if err := p.checkRoom(); err != nil {
		return err
	}
	for i := range p.count {
		if order.Uint32(p.element(i)) != 0 {
			return damaged("a bucket inside of page %d holds a bucket", id)
		}
	}
	return c.checkLeaf(p, nil, nil, bucketDepth)
}

// checkRoom checks that the elements fit into the page.
func (p page) checkRoom() error {
	if room := (p.size - pageHeader) / pageElement; uint64(p.count) > room {
		return damaged("page %d has %d elements and room for %d", p.id, p.count, room)
	}
	return nil
}

func (p page) checkOrder(key, from, to []byte) error {
	if len(key) == 0 || from != nil && bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 {
		return damaged("a key of page %d is empty or out of its range", p.id)
	}
	return nil
}

func (p page) element(i uint16) []byte {
	at := pageHeader + int(i)*pageElement
	return p.data[at : at+pageElement]
}

// key returns the key of element i, whose position and size stand at pos and size of the element.
func (p page) key(i uint16, pos, size int) ([]byte, error) {
	e := p.element(i)
	length := uint64(order.Uint32(e[size:]))
	if length > maxKeySize {
		return nil, damaged("a key of page %d has %d bytes", p.id, length)
	}
	return p.slice(p.start(i)+uint64(order.Uint32(e[pos:])), length)
}

// value returns the value of a bucket's element. Larger ones than a page have their pages elsewhere.
func (p page) value(i uint16) ([]byte, error) {
	at, size := p.where(i)
	if size > p.c.size {
		return nil, damaged("a bucket in page %d has %d bytes", p.id, size)
	}
	return p.slice(at, size)
}

// checkValue checks that the value of element i lies in the page.
func (p page) checkValue(i uint16) error {
	if at, size := p.where(i); at+size > p.size {
		return damaged("a value ends at %d of the %d bytes of page %d", at+size, p.size, p.id)
	}
	return nil
}

// where is the place of a leaf's value in the page, behind its key.
func (p page) where(i uint16) (at, size uint64) {
	e := p.element(i)
	return p.start(i) + uint64(order.Uint32(e[4:])) + uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
}

// start is where element i begins, to which its positions are relative.
func (p page) start(i uint16) uint64 { return pageHeader + pageElement*uint64(i) }

// slice returns size bytes of the page from start on, and reads them if they lie behind its beginning.
func (p page) slice(start, size uint64) ([]byte, error) {
	end := start + size
	if end > p.size {
		return nil, damaged("something in page %d ends at %d of %d bytes", p.id, end, p.size)
	}
	if end <= uint64(len(p.data)) {
		return p.data[start:end:end], nil
	}
	buf := make([]byte, size)
	return buf, p.c.readAt(buf, p.id*p.c.size+start)
}
