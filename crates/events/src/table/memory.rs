//! Address spaces.

use super::row::*;

syscalls! {
    32 BRK "brk" x86_64(12) aarch64(214) sampling(ALWAYS_DROP)
    => 159 SYSCALL_BRK_4_X (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: UINT64 HEX = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
    }
    55 MMAP "mmap" x86_64(9) aarch64(222) => 161 SYSCALL_MMAP_X (MEMORY | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
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
    56 MUNMAP "munmap" x86_64(11) aarch64(215) sampling(ALWAYS_DROP)
    => 165 SYSCALL_MUNMAP_X (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
    }
    75 MPROTECT "mprotect" x86_64(10) aarch64(226) => 329 SYSCALL_MPROTECT_X (MEMORY | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
        prot: FLAGS32 HEX [flags PROT_FLAGS] = map(FlagMap::PROT_FLAGS, 2),
    }
    86 MSYNC "msync" x86_64(26) aarch64(227)
    91 MLOCK "mlock" x86_64(149) aarch64(228) => 345 SYSCALL_MLOCK_X (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
    }
    92 MUNLOCK "munlock" x86_64(150) aarch64(229) => 347 SYSCALL_MUNLOCK_X (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
    }
    93 MLOCKALL "mlockall" x86_64(151) aarch64(230) => 349 SYSCALL_MLOCKALL_X (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags MLOCKALL_FLAGS] = map(FlagMap::MLOCKALL_FLAGS, 0),
    }
    94 MUNLOCKALL "munlockall" x86_64(152) aarch64(231) => 351 SYSCALL_MUNLOCKALL_X (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
    }
    104 MREMAP "mremap" x86_64(25) aarch64(216)
    138 MINCORE "mincore" x86_64(27) aarch64(232)
    139 MADVISE "madvise" x86_64(28) aarch64(233)
    168 REMAP_FILE_PAGES "remap_file_pages" x86_64(216) aarch64(234)
    282 MMAP2 "mmap2" x86_64(-) aarch64(-)
    333 MLOCK2 "mlock2" x86_64(325) aarch64(284) => 371 SYSCALL_MLOCK2_X (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        len: UINT64 DEC = arg(1),
        flags: FLAGS32 HEX [flags MLOCK2_FLAGS] = map(FlagMap::MLOCK2_FLAGS, 2),
    }
    342 MEMFD_CREATE "memfd_create" x86_64(319) aarch64(279)
    => 405 SYSCALL_MEMFD_CREATE_X (MEMORY | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        name: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags MEMFD_CREATE_FLAGS] = map(FlagMap::MEMFD_CREATE_FLAGS, 1),
    }
    343 MEMFD_SECRET "memfd_secret" x86_64(447) aarch64(447)
    => 577 SYSCALL_MEMFD_SECRET_X (MEMORY | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        flags: UINT32 HEX = arg_u32(0),
    }
    349 PKEY_ALLOC "pkey_alloc" x86_64(330) aarch64(289)
    350 PKEY_MPROTECT "pkey_mprotect" x86_64(329) aarch64(288)
    => 595 SYSCALL_PKEY_MPROTECT_X as "mprotect" (MEMORY | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        length: UINT64 DEC = arg(1),
        prot: FLAGS32 HEX [flags PROT_FLAGS] = map(FlagMap::PROT_FLAGS, 2),
        pkey: INT32 DEC = arg_s32(3),
    }
    351 PKEY_FREE "pkey_free" x86_64(331) aarch64(290)
    357 MIGRATE_PAGES "migrate_pages" x86_64(256) aarch64(238)
    358 MOVE_PAGES "move_pages" x86_64(279) aarch64(239)
    363 MBIND "mbind" x86_64(237) aarch64(235)
    368 SET_MEMPOLICY "set_mempolicy" x86_64(238) aarch64(237)
    370 SET_MEMPOLICY_HOME_NODE "set_mempolicy_home_node" x86_64(450) aarch64(450)
    377 PROCESS_MRELEASE "process_mrelease" x86_64(448) aarch64(448)
    387 GET_MEMPOLICY "get_mempolicy" x86_64(239) aarch64(236)
    389 PROCESS_MADVISE "process_madvise" x86_64(440) aarch64(440)
    390 MEMBARRIER "membarrier" x86_64(324) aarch64(283)
    414 MAP_SHADOW_STACK "map_shadow_stack" x86_64(453) aarch64(453)
    435 SUBPAGE_PROT "subpage_prot" x86_64(-) aarch64(-)
    442 MSEAL "mseal" x86_64(462) aarch64(462)
}

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
    160 SYSCALL_MMAP_E "mmap" (MEMORY | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
        prot: FLAGS32 HEX [flags PROT_FLAGS],
        flags: FLAGS32 HEX [flags MMAP_FLAGS],
        fd: FD DEC,
        offset: UINT64 DEC,
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
    328 SYSCALL_MPROTECT_E "mprotect" (MEMORY | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        length: UINT64 DEC,
        prot: FLAGS32 HEX [flags PROT_FLAGS],
    }
    344 SYSCALL_MLOCK_E "mlock" (MEMORY | SYSCALL) (OLD_VERSION) {}
    346 SYSCALL_MUNLOCK_E "munlock" (MEMORY | SYSCALL) (OLD_VERSION) {}
    348 SYSCALL_MLOCKALL_E "mlockall" (MEMORY | SYSCALL) (OLD_VERSION) {}
    350 SYSCALL_MUNLOCKALL_E "munlockall" (MEMORY | SYSCALL) (OLD_VERSION) {}
    370 SYSCALL_MLOCK2_E "mlock2" (MEMORY | SYSCALL) (OLD_VERSION) {}
    404 SYSCALL_MEMFD_CREATE_E "memfd_create" (MEMORY | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
}
