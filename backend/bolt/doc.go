// Package bolt keeps logs in one file on the local disk, with bbolt
// underneath: durable state for a server of one node without another process to run.
//
//	store, err := bolt.Open("trefoil.db", nil)
//	log, err := store.Log("main")          // a dstm.Log
//
// # What it promises
//
// An append that was acknowledged has been synced to the disk: it survives the end of the process, of
// the operating system, and a power cut, as far as the disk keeps its own promise. All entries of a batch are in the file or none is.
//
// After any error of a commit the store closes for good, because nobody can know what the disk holds then: that append
// is uncertain, later calls get dstm.ErrLogClosed, and opening the file again tells what is there. Do so in a new
// process or after [Store.Close].
//
// The file is checked as a whole when it is opened (it is read once for that), and every entry and piece
// carries a checksum that is verified when it is read. Damage is reported as [ErrDamaged]; it is never repaired by
// leaving something out.
//
// One process at a time has the file open; a lock of the operating system sees to that. Network file
// systems often keep neither locks nor syncs: use a local disk.
//
// # The file
//
//	format              version: one byte, 2
//	dstm/<log>          format: one byte, 1
//	                    base: the position up to which entries were truncated
//	  entries           position, big-endian, to entry: see entry.go
//	  pieces            key to piece: see piece.go
//	  chunks            id and number, big-endian, to a chunk of a large piece
//
// Another format byte than this version knows refuses to open with [ErrFormatNewer] or [ErrFormatOlder]. Other top-level
// names are left to later versions.
//
// # A client's file
//
// [OpenClient] opens a file of another kind: a transport.Storage, which keeps a client's key and what its patterns hold over a
// restart. What is said above of commits, damage and locks holds for it too.
//
//	client              version: one byte, 1
//	                    key: 32 bytes, and behind them the 16 of the client's id, which prove them
//	spaces/<space>      key to value
//
// # Backups
//
// [Store.Backup] copies the file while it is in use, and [Restore] makes a file of the copy. Restore marks the copy, so
// that clients which have seen more than it holds are told that history was restored. A file that was copied by hand, while no
// process had it open, carries no such mark: clients that know more are still found out when they come back, by the
// position and the hash of what they saw last.
package bolt
