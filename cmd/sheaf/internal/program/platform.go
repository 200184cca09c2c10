package program

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"io/fs"
	"os"

	"github.com/sheafdata/sheaf/internal/fault"
)

// platformOf tells by a file's header what it runs on.
func platformOf(path string) (Platform, error) {
	f, err := os.Open(path)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return Platform{}, fault.New(fault.Invalid, "open the program %s: %w", path, err)
	}
	defer f.Close() // only read
	for _, read := range []func(*os.File) (Platform, bool){elfPlatform, machoPlatform, pePlatform} {
		if p, ok := read(f); ok {
			return p, nil
		}
	}
	return Platform{}, fault.New(fault.Invalid, "%s is neither a program nor a Go package: give a program that \"go build\" made, or a package such as ./wordcount", path)
}

// machine is what an ELF header says of a processor.
type machine struct {
	kind  elf.Machine
	class elf.Class
	data  elf.Data
}

var elfArchs = map[machine]string{
	{elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB}:    "amd64",
	{elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB}:   "arm64",
	{elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "386",
	{elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "arm",
	{elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "riscv64",
	{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "ppc64le",
	{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB}:     "ppc64",
	{elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB}:      "s390x",
	{elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB}: "loong64",
	{elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2LSB}:      "mips64le",
}

var elfSystems = map[elf.OSABI]string{
	elf.ELFOSABI_NONE: "linux", elf.ELFOSABI_LINUX: "linux",
	elf.ELFOSABI_FREEBSD: "freebsd", elf.ELFOSABI_NETBSD: "netbsd", elf.ELFOSABI_OPENBSD: "openbsd", elf.ELFOSABI_SOLARIS: "solaris",
}

func elfPlatform(f *os.File) (Platform, bool) {
	e, err := elf.NewFile(f)
	if err != nil {
		return Platform{}, false
	}
	p := Platform{elfSystems[e.OSABI], elfArchs[machine{e.Machine, e.Class, e.Data}]}
	if p.OS == "" {
		p.OS = e.OSABI.String()
	}
	if p.Arch == "" {
		p.Arch = e.Machine.String()
	}
	return p, e.Type == elf.ET_EXEC || e.Type == elf.ET_DYN
}

func machoPlatform(f *os.File) (Platform, bool) {
	m, err := macho.NewFile(f)
	if err != nil {
		return Platform{}, false
	}
	p := Platform{"darwin", m.Cpu.String()}
	switch m.Cpu {
	case macho.CpuAmd64:
		p.Arch = "amd64"
	case macho.CpuArm64:
		p.Arch = "arm64"
	}
	return p, m.Type == macho.TypeExec
}

func pePlatform(f *os.File) (Platform, bool) {
	p, err := pe.NewFile(f)
	if err != nil {
		return Platform{}, false
	}
	// An object file has a header too, but only a program says where it begins.
	if p.OptionalHeader == nil {
		return Platform{}, false
	}
	switch p.Machine {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return Platform{"windows", "amd64"}, true
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return Platform{"windows", "arm64"}, true
	}
	return Platform{"windows", "another processor"}, true
}
