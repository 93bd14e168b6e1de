//! Address spaces.

use super::row::*;

events! {
    10 SYSCALL_BRK_1_E "brk" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        size: UINT32 DEC,
    }
    11 SYSCALL_BRK_1_X "brk" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: UINT64 HEX,
    }
    158 SYSCALL_BRK_4_E "brk" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
    }
    159 SYSCALL_BRK_4_X "brk" (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: UINT64 HEX = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
    }
    160 SYSCALL_MMAP_E "mmap" (MEMORY | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
        prot: FLAGS32 HEX [flags PROT_FLAGS],
        flags: FLAGS32 HEX [flags MMAP_FLAGS],
        fd: FD DEC,
        offset: UINT64 DEC,
    }
    161 SYSCALL_MMAP_X "mmap" (MEMORY | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO HEX = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
        prot: FLAGS32 HEX [flags PROT_FLAGS] = map(FlagMap::PROT_FLAGS, 2),
        flags: FLAGS32 HEX [flags MMAP_FLAGS] = map(FlagMap::MMAP_FLAGS, 3),
        fd: FD DEC = arg_s32(4),
        offset: UINT64 DEC = arg(5),
    }
    162 SYSCALL_MMAP2_E "mmap2" (MEMORY | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
        prot: FLAGS32 HEX [flags PROT_FLAGS],
        flags: FLAGS32 HEX [flags MMAP_FLAGS],
        fd: FD DEC,
        pgoffset: UINT64 DEC,
    }
    163 SYSCALL_MMAP2_X "mmap2" (MEMORY | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO HEX = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
        prot: FLAGS32 HEX [flags PROT_FLAGS] = map(FlagMap::PROT_FLAGS, 2),
        flags: FLAGS32 HEX [flags MMAP_FLAGS] = map(FlagMap::MMAP_FLAGS, 3),
        fd: FD DEC = arg_s32(4),
        pgoffset: UINT64 DEC = arg(5),
    }
    164 SYSCALL_MUNMAP_E "munmap" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
    }
    165 SYSCALL_MUNMAP_X "munmap" (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
    }
    328 SYSCALL_MPROTECT_E "mprotect" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
        prot: FLAGS32 HEX [flags PROT_FLAGS],
    }
    329 SYSCALL_MPROTECT_X "mprotect" (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
        prot: FLAGS32 HEX [flags PROT_FLAGS] = map(FlagMap::PROT_FLAGS, 2),
    }
    344 SYSCALL_MLOCK_E "mlock" (MEMORY | SYSCALL) (OLD_VERSION) {}
    345 SYSCALL_MLOCK_X "mlock" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
    }
    346 SYSCALL_MUNLOCK_E "munlock" (MEMORY | SYSCALL) (OLD_VERSION) {}
    347 SYSCALL_MUNLOCK_X "munlock" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
    }
    348 SYSCALL_MLOCKALL_E "mlockall" (MEMORY | SYSCALL) (OLD_VERSION) {}
    349 SYSCALL_MLOCKALL_X "mlockall" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags MLOCKALL_FLAGS] = map(FlagMap::MLOCKALL_FLAGS, 0),
    }
    350 SYSCALL_MUNLOCKALL_E "munlockall" (MEMORY | SYSCALL) (OLD_VERSION) {}
    351 SYSCALL_MUNLOCKALL_X "munlockall" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
    }
    370 SYSCALL_MLOCK2_E "mlock2" (MEMORY | SYSCALL) (OLD_VERSION) {}
    371 SYSCALL_MLOCK2_X "mlock2" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
        flags: FLAGS32 HEX [flags MLOCK2_FLAGS] = map(FlagMap::MLOCK2_FLAGS, 2),
    }
    404 SYSCALL_MEMFD_CREATE_E "memfd_create" (MEMORY | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    405 SYSCALL_MEMFD_CREATE_X "memfd_create" (MEMORY | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        name: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags MEMFD_CREATE_FLAGS] = map(FlagMap::MEMFD_CREATE_FLAGS, 1),
    }
}
