package codec_test

import (
	"fmt"

	"github.com/trefoilgo/trefoil/codec"
)

// A value on its way between Go and the two encodings.
func Example() {
	type bid struct {
		Lot   int64   `json:"lot"`
		Price float64 `json:"price"`
		Proof []byte  `json:"proof,omitempty"`
	}
	packed, err := codec.Marshal(bid{Lot: 42, Price: 19.5, Proof: []byte{1, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := codec.ToJSON(nil, packed)
	fmt.Printf("%s\n", text)

	again, _ := codec.FromJSON(nil, []byte(`{"price":19.50,"lot":42.0,"proof":{"$bytes":"AQI="}}`))
	fmt.Println(codec.Equal(packed, again))

	var b bid
	err = codec.Unmarshal(again, &b)
	fmt.Println(b, err)
	// Output:
	// {"lot":42,"price":19.5,"proof":{"$bytes":"AQI="}}
	// true
	// {42 19.5 [1 2]} <nil>
}

// A frame is written by appending and read without decoding its payload.
func ExampleReader() {
	payload, _ := codec.Marshal(map[string]int{"x": 1})
	frame := codec.AppendArray(nil, 3)
	frame = codec.AppendInt(frame, 7)
	frame = codec.AppendString(frame, "chat.lobby")
	frame = append(frame, payload...)

	n, err := codec.Check(frame)
	fmt.Println(n == len(frame), err)
	r := codec.Raw(frame[:n]).Reader()
	elements := r.Array()
	fmt.Println(elements.Int(), elements.String(), elements.Kind())
	fmt.Printf("%x %v\n", elements.Raw(), elements.Err())
	// Output:
	// true <nil>
	// 7 chat.lobby map
	// 81a17801 <nil>
}

// Bytes that are no value are refused before anything is made of them.
func ExampleCheck() {
	_, err := codec.Check([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	fmt.Println(err)
	// Output:
	// codec: more elements announced than bytes are left at byte 0 (codec.count)
}
