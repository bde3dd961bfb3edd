//go:build windows || !(amd64 || arm64 || loong64 || ppc64 || ppc64le || mips64 || mips64le || riscv64 || s390x)

package bolt

// On Windows the file becomes as large as its mapping, and 32 bits have no address space to spare.
const initialMmapSize = 0
