package machine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FileSystem is the type of the file system that holds a folder. On tmpfs syncs cost nothing, and durable cases say nothing.
func FileSystem(folder string) string {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil {
		return "(unknown)"
	}
	for name, magic := range map[string]int64{"ext4": unix.EXT4_SUPER_MAGIC, "xfs": unix.XFS_SUPER_MAGIC, "btrfs": unix.BTRFS_SUPER_MAGIC,
		"overlayfs": unix.OVERLAYFS_SUPER_MAGIC, "tmpfs (in memory: durable cases mean nothing)": unix.TMPFS_MAGIC} {
		if int64(s.Type) == magic {
			return name
		}
	}
	return fmt.Sprintf("%#x", s.Type)
}
