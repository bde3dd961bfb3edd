package transport

import (
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// hello is the client's first frame, and the only one before welcome.
type hello struct {
	version     int64
	key         Key
	credentials map[string]map[string]any
	patterns    []string
	features    []string
	limits      limits
	agent       string
}

// welcome is the server's answer.
type welcome struct {
	session, node, client ID
	user                  string
	patterns              []bound
	features              []string
	heartbeat             time.Duration
	time                  time.Time
	limits                limits
}

var errVersion = status.New(status.FailedPrecondition, reasonOf(CloseOutdated), "this side speaks protocol version 1")

func malformedHandshake(what string) error {
	return status.New(status.InvalidArgument, errMalformed, "%s", what)
}

func (h *hello) append(b []byte) ([]byte, error) {
	b = AppendHeader(b, 4, NumberControl, kindHello)
	b = codec.AppendInt(b, 0)
	n := 8
	if h.credentials != nil {
		n++
	}
	b = codec.AppendMap(b, n)
	b = codec.AppendString(b, "agent")
	b = codec.AppendString(b, h.agent)
	if h.credentials != nil {
		raw, err := codec.Marshal(h.credentials)
		if err != nil {
			return nil, status.New(status.InvalidArgument, "transport.bad_credentials", "the credentials cannot be encoded").Because(err)
		}
		b = codec.AppendString(b, "credentials")
		b = append(b, raw...)
	}
	b = appendStrings(b, "features", h.features)
	b = codec.AppendString(b, "key")
	b = codec.AppendBytes(b, h.key[:])
	b = h.limits.append(b)
	b = appendStrings(b, "patterns", h.patterns)
	b = codec.AppendString(b, "version")
	return codec.AppendInt(b, h.version), nil
}

func (w *welcome) append(b []byte) []byte {
	b = AppendHeader(b, 4, NumberControl, kindWelcome)
	b = codec.AppendInt(b, 0)
	b = codec.AppendMap(b, 12)
	b = codec.AppendString(b, "client")
	b = codec.AppendBytes(b, w.client[:])
	b = appendStrings(b, "features", w.features)
	b = codec.AppendString(b, "heartbeat")
	b = codec.AppendInt(b, w.heartbeat.Milliseconds())
	b = w.limits.append(b)
	b = codec.AppendString(b, "node")
	b = codec.AppendBytes(b, w.node[:])
	b = codec.AppendString(b, "patterns")
	b = codec.AppendMap(b, len(w.patterns))
	for _, p := range w.patterns {
		b = codec.AppendString(b, p.name)
		b = codec.AppendInt(b, int64(p.number))
	}
	b = codec.AppendString(b, "session")
	b = codec.AppendBytes(b, w.session[:])
	b = codec.AppendString(b, "time")
	b = codec.AppendTime(b, w.time)
	b = codec.AppendString(b, "user")
	b = codec.AppendString(b, w.user)
	b = codec.AppendString(b, "version")
	return codec.AppendInt(b, protocolVersion)
}

func (l limits) append(b []byte) []byte {
	b = codec.AppendString(b, "maxFrame")
	b = codec.AppendInt(b, int64(l.frame))
	b = codec.AppendString(b, "maxMessage")
	b = codec.AppendInt(b, int64(l.message))
	b = codec.AppendString(b, "maxPartial")
	return codec.AppendInt(b, int64(l.partial))
}

func appendStrings(b []byte, key string, list []string) []byte {
	b = codec.AppendString(b, key)
	b = codec.AppendArray(b, len(list))
	for _, s := range list {
		b = codec.AppendString(b, s)
	}
	return b
}

// readHello reads the map of a hello frame. A version that is not spoken is told
// before anything else is looked at: the rest may mean something else there.
func readHello(body codec.Reader) (*hello, error) {
	h := &hello{limits: limits{defaultMaxMessage, defaultMaxFrame, defaultMaxPartial}}
	if err := checkVersion(body, &h.version); err != nil {
		return nil, err
	}
	haveKey := false
	err := eachField(body, func(key []byte, v *codec.Reader) {
		switch string(key) {
		case "key":
			b := v.Bytes()
			haveKey = len(b) == len(h.key)
			copy(h.key[:], b)
		case "credentials":
			if raw := v.Raw(); codec.Unmarshal(raw, &h.credentials) != nil {
				v.Array() // makes it fail as any other wrong type
			}
		case "patterns":
			h.patterns = readStrings(v)
		case "features":
			h.features = readStrings(v)
		case "agent":
			h.agent = v.String()
		default:
			h.limits.read(key, v)
		}
	})
	switch {
	case err != nil:
		return nil, malformedHandshake("malformed hello")
	case !haveKey:
		return nil, malformedHandshake("a key has 32 bytes")
	case !h.limits.valid():
		return nil, malformedHandshake("limits below 4096 bytes")
	}
	return h, nil
}

// readWelcome reads the map of a welcome frame.
func readWelcome(body codec.Reader) (*welcome, error) {
	w := &welcome{limits: limits{defaultMaxMessage, defaultMaxFrame, defaultMaxPartial}}
	var version int64
	if err := checkVersion(body, &version); err != nil {
		return nil, err
	}
	ids := 0
	err := eachField(body, func(key []byte, v *codec.Reader) {
		switch string(key) {
		case "session":
			ids += readID(&w.session, v)
		case "node":
			ids += readID(&w.node, v)
		case "client":
			ids += readID(&w.client, v)
		case "user":
			w.user = v.String()
		case "patterns":
			w.patterns = readNumbers(v)
		case "features":
			w.features = readStrings(v)
		case "heartbeat":
			w.heartbeat = time.Duration(min(v.Int(), maxDelay)) * time.Millisecond
		case "time":
			w.time = v.Time()
		default:
			w.limits.read(key, v)
		}
	})
	if err != nil || ids != 3 || !w.limits.valid() || w.heartbeat < 0 {
		return nil, malformedHandshake("malformed welcome")
	}
	return w, nil
}

// readID reads an id and returns 1, or 0 if there is none.
func readID(id *ID, v *codec.Reader) int {
	b := v.Bytes()
	if len(b) != len(id) {
		return 0
	}
	copy(id[:], b)
	return 1
}

// checkVersion looks for the version in the map at body.
func checkVersion(body codec.Reader, version *int64) error {
	err := eachField(body, func(key []byte, v *codec.Reader) {
		if string(key) == "version" {
			*version = v.Int()
		} else {
			v.Skip()
		}
	})
	if err != nil || *version == 0 {
		return malformedHandshake("no version")
	}
	if *version != protocolVersion {
		return errVersion
	}
	return nil
}

// eachField calls fn for each key of the map at body with a Reader of its value.
func eachField(body codec.Reader, fn func(key []byte, v *codec.Reader)) error {
	m := body.Map()
	var v codec.Reader
	for m.Len() > 0 {
		key := m.Text()
		raw := m.Raw()
		if m.Err() != nil {
			break
		}
		v = codec.NewReader(raw, 1)
		fn(key, &v)
		if v.Err() != nil {
			return v.Err()
		}
	}
	if m.Err() != nil {
		return m.Err()
	}
	return body.Err()
}

func (l *limits) read(key []byte, v *codec.Reader) {
	switch string(key) {
	case "maxMessage":
		l.message = clampInt(v.Int())
	case "maxFrame":
		l.frame = clampInt(v.Int())
	case "maxPartial":
		l.partial = clampInt(v.Int())
	default:
		v.Skip()
	}
}

// clampInt is v within what fits into an int everywhere.
func clampInt(v int64) int { return int(max(0, min(v, 1<<30))) }

func (l limits) valid() bool {
	return l.message >= leastLimit && l.frame >= leastLimit && l.partial >= leastLimit
}

func readStrings(v *codec.Reader) (list []string) {
	a := v.Array()
	for a.Len() > 0 {
		list = append(list, a.String())
	}
	if a.Err() != nil {
		v.Map() // fails: an element is of the wrong type
	}
	return list
}

func readNumbers(v *codec.Reader) (list []bound) {
	m := v.Map()
	for m.Len() > 0 {
		b := bound{name: m.String(), number: clampInt(m.Int())}
		list = append(list, b)
	}
	if m.Err() != nil {
		v.Map()
	}
	return list
}
