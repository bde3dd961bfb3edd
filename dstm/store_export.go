package dstm

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Export writes the objects whose names begin with prefix and that are not empty, ascending by name, one JSON object a line:
//
//	{"name":"board/42","shape":[...],"value":{...}}
//
// with the value as [codec.ToJSON] writes it, and the shape, which says where its lists are and which ids their elements have, only if there is
// a list. Versions, history and clients stay behind. Each object is as it is at some moment during the export, one in memory at
// a time; for all objects of one moment, back the log up. Errors are those of [Store.List] and of w, with some lines written.
func (s *Store) Export(ctx context.Context, w io.Writer, prefix string) error {
	out := bufio.NewWriter(w)
	var raw, line []byte
	for stored, err := range s.stored(ctx, prefix) {
		if err != nil {
			return status.From(err)
		}
		if stored.info.Size <= emptySize {
			continue
		}
		o, err := stored.read()
		if err != nil {
			return err
		}
		raw = appendExported(raw[:0], stored.info.Name, o.Root.Value(), o.Root.Shape())
		if line, err = codec.ToJSON(line[:0], raw); err != nil {
			return status.New(status.Internal, "", "%q has no JSON", stored.info.Name).Because(err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

func appendExported(b []byte, name string, value, shape codec.Raw) []byte {
	fields := 2
	if shape != nil {
		fields = 3
	}
	b = codec.AppendString(codec.AppendString(codec.AppendMap(b, fields), "name"), name)
	if shape != nil {
		b = append(codec.AppendString(b, "shape"), shape...)
	}
	return append(codec.AppendString(b, "value"), value...)
}

// Import reads what [Store.Export] wrote and commits each line as one transaction, which replaces the whole object, whatever was
// there, and may be larger than a client's. It stops at the first error and returns how many objects are imported. Of a line
// that is not well-formed, too large, or refused by an invariant, nothing is applied; the error names the line. Other errors are
// those of r, ctx and the log; one of the latter may be unknown, and then the object may be imported.
func (s *Store) Import(ctx context.Context, r io.Reader) (objects int, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for number := 1; ; number++ {
		line, err = readLine(in, line[:0], importLine*s.opts.MaxObject)
		if err == io.EOF {
			return objects, nil
		}
		if err == nil {
			err = s.importLine(ctx, line)
		}
		if err != nil {
			return objects, atLine(number, err)
		}
		objects++
	}
}

// importLine is how many times as long as its value a line may be: text is longer, and then there are ids.
const importLine = 16

// readLine reads a line of at most limit bytes without its end; io.EOF if there is none.
func readLine(in *bufio.Reader, line []byte, limit int) ([]byte, error) {
	for {
		some, err := in.ReadSlice('\n')
		line = append(line, some...)
		switch {
		case len(line) > limit:
			return line, status.New(status.ResourceExhausted, ErrTooLarge, "it has more than %d bytes", limit)
		case err == nil:
			return line[:len(line)-1], nil
		case err == io.EOF && len(line) > 0:
			return line, nil
		case err != bufio.ErrBufferFull:
			return line, err
		}
	}
}

func (s *Store) importLine(ctx context.Context, line []byte) error {
	raw, err := codec.FromJSON(nil, line)
	if err != nil {
		return status.New(status.InvalidArgument, ErrInvalid, "%v", err)
	}
	name, value, shape, err := readExported(raw)
	if err != nil {
		return err
	}
	return s.replace(ctx, name, value, shape)
}

// readExported takes a line apart and checks it.
func readExported(raw codec.Raw) (name string, value, shape codec.Raw, err error) {
	invalid := func(format string, args ...any) error {
		return status.New(status.InvalidArgument, ErrInvalid, format, args...)
	}
	outer := raw.Reader()
	if outer.Kind() != codec.Map {
		return "", nil, nil, invalid("it is no JSON object")
	}
	for fields := outer.Map(); fields.Len() > 0; {
		switch key := fields.String(); key {
		case "name":
			name = fields.String()
		case "value":
			value = fields.Raw()
		case "shape":
			shape = fields.Raw()
		default:
			return "", nil, nil, invalid("there is no field %.40q", key)
		}
		if err := fields.Err(); err != nil {
			return "", nil, nil, invalid("%v", err)
		}
	}
	if !txn.ValidName(name) {
		return "", nil, nil, invalid("%.40q is no valid name of an object", name)
	}
	if v := value.Reader(); v.Kind() != codec.Map {
		return "", nil, nil, invalid("the value is no map")
	}
	if value, shape, err = txn.CheckShaped(value, shape, 0); err != nil {
		return "", nil, nil, invalid("%v", err)
	}
	return name, value, shape, nil
}

// atLine says in which line of an import an error was.
func atLine(number int, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := *status.From(err)
	e.Message = "line " + strconv.Itoa(number) + ": " + e.Message
	return e.Because(err)
}
