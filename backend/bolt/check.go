package bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/status"
)

// bbolt believes what is in the file: on a damaged one it panics, reads outside of its mapping, recurses without
// end, or takes one page for two, and some of that ends the process from a goroutine of its own. So the whole structure is
// checked first, with plain reads: every page is reached at most once, everything in a page lies inside of it, and keys
// ascend. What is left to find are changed values, and those have checksums.
//
// The layout is bbolt's, version 2; integers are in the byte order of the machine.
const (
	pageHeader    = 16 // id 8, flags 2, count 2, overflow 4
	pageElement   = 16 // leaf: flags, pos, ksize, vsize, 4 each; branch: pos 4, ksize 4, page 8
	bucketHeader  = 16 // root page 8, sequence 8; a root page of 0 means that the page follows
	metaSize      = 64
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
	noFreelist    = ^uint64(0)
	branchPage    = 0x01
	leafPage      = 0x02
	freelistPage  = 0x10
	bucketElement = 0x01

	maxTreeDepth   = 32 // of branches below each other; each has at least two children, or few have not
	maxBucketDepth = 8
)

var order = binary.NativeEndian

// check checks the file at path while nobody can write to it.
func check(path string, o Options) error {
	opts := bboltOptions(o, hooks{})
	opts.ReadOnly, opts.InitialMmapSize = true, 0
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(path, o.Mode, opts) // takes a shared lock and looks at the first two pages
		return err
	})
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err == nil {
		err = errors.Join(checkFile(f), f.Close())
	}
	return errors.Join(err, guard(db.Close))
}

// checker knows which pages were reached.
type checker struct {
	file  io.ReaderAt
	size  uint64 // of a page, in bytes
	pages uint64 // how many there are
	seen  []uint64
	spare [][]byte // memory of pages that were checked
}

// checkFile checks the structure of a whole file.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := readMeta(f, info.Size())
	if err != nil {
		return err
	}
	c := &checker{file: f, size: uint64(m.pageSize), pages: m.pages}
	if c.pages < 3 || c.pages > uint64(info.Size())/c.size {
		return damaged("the file has %d bytes, too few for its %d pages of %d", info.Size(), c.pages, c.size)
	}
	c.seen = make([]uint64, c.pages/64+1)
	c.seen[0] = 0b11 // the meta pages
	if m.freelist != noFreelist {
		if err := c.checkFreelist(m.freelist); err != nil {
			return err
		}
	}
	return c.checkTree(m.root, nil, nil, 0, 0)
}

// meta is what is of interest of a meta page.
type meta struct {
	pageSize              uint32
	root, freelist, pages uint64
	transaction           uint64
}

// readMeta returns the valid meta page with the highest transaction, as bbolt does. bbolt believes the first valid one what the size
// of a page is, so where two are valid they must say the same, which must be a size that there is, and the second must lie where it says.
func readMeta(f io.ReaderAt, size int64) (best meta, err error) {
	buf := make([]byte, pageHeader+metaSize)
	found := 0
	try := func(offset int64) bool {
		if offset+int64(len(buf)) > size {
			return false
		}
		if _, e := f.ReadAt(buf, offset); e != nil {
			err = errors.Join(err, e)
			return false
		}
		m, ok := parseMeta(buf[pageHeader:])
		switch {
		case !ok:
		case m.pageSize < 1<<10 || m.pageSize > 16<<20 || m.pageSize&(m.pageSize-1) != 0,
			offset != 0 && offset != int64(m.pageSize), found > 0 && m.pageSize != best.pageSize:
			err = errors.Join(err, damaged("the first pages do not agree on the size of pages"))
		case found == 0 || m.transaction > best.transaction:
			best = m
			fallthrough
		default:
			found++
		}
		return ok
	}
	switch valid := try(0); {
	case err != nil:
	case valid:
		try(int64(best.pageSize))
	default:
		for at := int64(1 << 10); at <= 16<<20 && !try(at); at *= 2 {
		}
	}
	if err == nil && found == 0 {
		err = damaged("neither of the first two pages is valid")
	}
	return best, err
}

func parseMeta(b []byte) (meta, bool) {
	sum := fnv.New64a()
	sum.Write(b[:56])
	m := meta{
		pageSize: order.Uint32(b[8:]),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		pages:    order.Uint64(b[40:]), transaction: order.Uint64(b[48:]),
	}
	return m, order.Uint32(b) == boltMagic && order.Uint32(b[4:]) == boltVersion && order.Uint64(b[56:]) == sum.Sum64()
}

// reach marks pages as used and refuses those that are used already.
func (c *checker) reach(id, count uint64) error {
	if id < 2 || id >= c.pages || count > c.pages-id {
		return damaged("page %d with %d more is not one of the %d pages", id, count-1, c.pages)
	}
	for p := id; p < id+count; p++ {
		if c.seen[p/64]&(1<<(p%64)) != 0 {
			return damaged("page %d is used twice", p)
		}
		c.seen[p/64] |= 1 << (p % 64)
	}
	return nil
}

// page is a page with its overflow, or one that is inside a value.
type page struct {
	c            *checker
	id           uint64
	flags, count uint16
	size         uint64 // with the header and the overflow
	data         []byte // the beginning, with all elements; values may lie behind it
}

// read reads the beginning of page id and marks it and its overflow. Values in the overflow are left
// where they are: there may be gigabytes.
func (c *checker) read(id uint64) (page, error) {
	if id < 2 || id >= c.pages {
		return page{}, damaged("page %d is not one of the %d pages", id, c.pages)
	}
	data := c.memory()
	if err := c.readAt(data, id*c.size); err != nil {
		return page{}, err
	}
	count := uint64(order.Uint32(data[12:])) + 1
	if stored := order.Uint64(data); stored != id {
		return page{}, damaged("page %d says that it is %d", id, stored)
	}
	if err := c.reach(id, count); err != nil {
		return page{}, err
	}
	p := page{c: c, id: id, flags: order.Uint16(data[8:]), count: order.Uint16(data[10:]), size: count * c.size, data: data}
	if elements := pageHeader + pageElement*uint64(p.count); elements > c.size && elements <= p.size {
		p.data = make([]byte, elements)
		return p, c.readAt(p.data, id*c.size)
	}
	return p, nil
}

// memory returns memory for one page.
func (c *checker) memory() []byte {
	n := len(c.spare)
	if n == 0 {
		return make([]byte, c.size)
	}
	data := c.spare[n-1]
	c.spare = c.spare[:n-1]
	return data
}

// done gives the memory of a page back, of which nothing may be used any more.
func (c *checker) done(p page) {
	if uint64(len(p.data)) == c.size {
		c.spare = append(c.spare, p.data)
	}
}

func (c *checker) readAt(buf []byte, offset uint64) error {
	if _, err := c.file.ReadAt(buf, int64(offset)); err != nil {
		return status.New(status.Unavailable, "", "the file cannot be read at %d", offset).Because(err)
	}
	return nil
}

// checkFreelist checks the list of free pages, which files have that bbolt itself made: all free pages are in the file, once,
// and marked here, so that no page in use may be among them.
func (c *checker) checkFreelist(id uint64) error {
	p, err := c.read(id)
	if err != nil {
		return err
	}
	if p.flags != freelistPage {
		return damaged("page %d is not the list of free pages", id)
	}
	n, start := uint64(p.count), uint64(pageHeader)
	if n == 0xFFFF { // too many for the header
		n, start = order.Uint64(p.data[pageHeader:]), pageHeader+8
	}
	if n > min(c.pages, (p.size-start)/8) {
		return damaged("the list of free pages says %d of %d", n, c.pages)
	}
	ids, err := p.slice(start, 8*n)
	if err != nil {
		return err
	}
	for i := range n {
		if err := c.reach(order.Uint64(ids[8*i:]), 1); err != nil {
			return err
		}
	}
	return nil
}
