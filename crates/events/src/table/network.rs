//! Sockets.

use super::row::*;

syscalls! {
    241 SOCKET "socket" x86_64(41) aarch64(198) sampling(NEVER_DROP)
    => 19 SOCKET_SOCKET_X (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        domain: ENUMFLAGS32 DEC [flags SOCKET_FAMILIES] = CUSTOM,
        r#type: UINT32 DEC = arg_u32(1),
        proto: UINT32 DEC = arg_u32(2),
        flags: FLAGS32 HEX [flags FILE_FLAGS] = map(FlagMap::SOCKET_FLAGS, 1),
    }
    242 BIND "bind" x86_64(49) aarch64(200) sampling(NEVER_DROP)
    => 21 SOCKET_BIND_X (NET | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: SOCKADDR NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
    }
    243 CONNECT "connect" x86_64(42) aarch64(203)
    => 23 SOCKET_CONNECT_X (NET | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        tuple: SOCKTUPLE NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        addr: SOCKADDR NA = CUSTOM,
    }
    244 LISTEN "listen" x86_64(50) aarch64(201) => 25 SOCKET_LISTEN_X (NET | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        backlog: INT32 DEC = arg_s32(1),
    }
    245 ACCEPT "accept" x86_64(43) aarch64(202)
    => 247 SOCKET_ACCEPT_5_X (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        tuple: SOCKTUPLE NA = CUSTOM,
        queuepct: UINT8 DEC = CUSTOM,
        queuelen: UINT32 DEC = CUSTOM,
        queuemax: UINT32 DEC = CUSTOM,
    }
    246 GETSOCKNAME "getsockname" x86_64(51) aarch64(204) sampling(ALWAYS_DROP)
    => 39 SOCKET_GETSOCKNAME_X (NET | SYSCALL) (NONE) {}
    247 GETPEERNAME "getpeername" x86_64(52) aarch64(205) sampling(ALWAYS_DROP)
    => 41 SOCKET_GETPEERNAME_X (NET | SYSCALL) (NONE) {}
    248 SOCKETPAIR "socketpair" x86_64(53) aarch64(199) sampling(NEVER_DROP)
    => 43 SOCKET_SOCKETPAIR_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd1: FD DEC = CUSTOM,
        fd2: FD DEC = CUSTOM,
        source: UINT64 HEX = CUSTOM,
        peer: UINT64 HEX = CUSTOM,
        domain: ENUMFLAGS32 DEC [flags SOCKET_FAMILIES] = map(FlagMap::SOCKET_FAMILY, 0),
        r#type: UINT32 DEC = arg_u32(1),
        proto: UINT32 DEC = arg_u32(2),
    }
    249 SENDTO "sendto" x86_64(44) aarch64(206)
    => 31 SOCKET_SENDTO_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        tuple: SOCKTUPLE NA = CUSTOM,
    }
    250 RECVFROM "recvfrom" x86_64(45) aarch64(207)
    => 35 SOCKET_RECVFROM_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        tuple: SOCKTUPLE NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
    }
    251 SHUTDOWN "shutdown" x86_64(48) aarch64(210)
    => 37 SOCKET_SHUTDOWN_X (NET | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        how: ENUMFLAGS8 HEX [flags SHUTDOWN_HOW] = map(FlagMap::SHUTDOWN_HOW, 1),
    }
    252 SETSOCKOPT "setsockopt" x86_64(54) aarch64(208) => 45 SOCKET_SETSOCKOPT_X (NET | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        level: ENUMFLAGS8 DEC [flags SOCKOPT_LEVELS] = map(FlagMap::SOCKOPT_LEVEL, 1),
        optname: ENUMFLAGS8 DEC [flags SOCKOPT_OPTIONS] = CUSTOM,
        val: DYN DEC [dynamic SOCKOPT] = CUSTOM,
        optlen: UINT32 DEC = CUSTOM,
    }
    253 GETSOCKOPT "getsockopt" x86_64(55) aarch64(209)
    => 47 SOCKET_GETSOCKOPT_X (NET | SYSCALL) (USES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        level: ENUMFLAGS8 DEC [flags SOCKOPT_LEVELS] = map(FlagMap::SOCKOPT_LEVEL, 1),
        optname: ENUMFLAGS8 DEC [flags SOCKOPT_OPTIONS] = CUSTOM,
        val: DYN DEC [dynamic SOCKOPT] = CUSTOM,
        optlen: UINT32 DEC = CUSTOM,
    }
    254 SENDMSG "sendmsg" x86_64(46) aarch64(211)
    => 49 SOCKET_SENDMSG_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        tuple: SOCKTUPLE NA = CUSTOM,
    }
    255 SENDMMSG "sendmmsg" x86_64(307) aarch64(269)
    => 51 SOCKET_SENDMMSG_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        tuple: SOCKTUPLE NA = CUSTOM,
    }
    256 RECVMSG "recvmsg" x86_64(47) aarch64(212)
    => 53 SOCKET_RECVMSG_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        tuple: SOCKTUPLE NA = CUSTOM,
        msgcontrol: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
    }
    257 RECVMMSG "recvmmsg" x86_64(299) aarch64(243)
    => 55 SOCKET_RECVMMSG_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        tuple: SOCKTUPLE NA = CUSTOM,
        msgcontrol: BYTEBUF NA = CUSTOM,
    }
    258 ACCEPT4 "accept4" x86_64(288) aarch64(242)
    => 389 SOCKET_ACCEPT4_6_X (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        tuple: SOCKTUPLE NA = CUSTOM,
        queuepct: UINT8 DEC = CUSTOM,
        queuelen: UINT32 DEC = CUSTOM,
        queuemax: UINT32 DEC = CUSTOM,
        flags: INT32 HEX = map(FlagMap::SOCKET_FLAGS, 3),
    }
    277 SOCKETCALL "socketcall" x86_64(-) aarch64(-)
    394 RECV "recv" x86_64(-) aarch64(-)
    395 SEND "send" x86_64(-) aarch64(-)
}

events! {
    18 SOCKET_SOCKET_E "socket" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        domain: ENUMFLAGS32 DEC [flags SOCKET_FAMILIES],
        r#type: UINT32 DEC,
        proto: UINT32 DEC,
    }
    20 SOCKET_BIND_E "bind" (NET | SYSCALL) (USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    22 SOCKET_CONNECT_E "connect" (NET | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = CUSTOM,
        addr: SOCKADDR NA = CUSTOM,
    }
    24 SOCKET_LISTEN_E "listen" (NET | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        backlog: INT32 DEC,
    }
    26 SOCKET_ACCEPT_E "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    27 SOCKET_ACCEPT_X "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        tuple: SOCKTUPLE NA,
        queuepct: UINT8 DEC,
    }
    28 SOCKET_SEND_E "send" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    29 SOCKET_SEND_X "send" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        tuple: SOCKTUPLE NA = CUSTOM,
    }
    30 SOCKET_SENDTO_E "sendto" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        tuple: SOCKTUPLE NA,
    }
    32 SOCKET_RECV_E "recv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    33 SOCKET_RECV_X "recv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        tuple: SOCKTUPLE NA = CUSTOM,
    }
    34 SOCKET_RECVFROM_E "recvfrom" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    36 SOCKET_SHUTDOWN_E "shutdown" (NET | SYSCALL) (USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        how: ENUMFLAGS8 HEX [flags SHUTDOWN_HOW],
    }
    38 SOCKET_GETSOCKNAME_E "getsockname" (NET | SYSCALL) (OLD_VERSION) {}
    40 SOCKET_GETPEERNAME_E "getpeername" (NET | SYSCALL) (OLD_VERSION) {}
    42 SOCKET_SOCKETPAIR_E "socketpair" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        domain: ENUMFLAGS32 DEC [flags SOCKET_FAMILIES],
        r#type: UINT32 DEC,
        proto: UINT32 DEC,
    }
    44 SOCKET_SETSOCKOPT_E "setsockopt" (NET | SYSCALL) (OLD_VERSION) {}
    46 SOCKET_GETSOCKOPT_E "getsockopt" (NET | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    48 SOCKET_SENDMSG_E "sendmsg" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        tuple: SOCKTUPLE NA,
    }
    50 SOCKET_SENDMMSG_E "sendmmsg" (IO_WRITE | SYSCALL) (OLD_VERSION) {}
    52 SOCKET_RECVMSG_E "recvmsg" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    54 SOCKET_RECVMMSG_E "recvmmsg" (IO_READ | SYSCALL) (OLD_VERSION) {}
    56 SOCKET_ACCEPT4_E "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: INT32 HEX,
    }
    57 SOCKET_ACCEPT4_X "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        tuple: SOCKTUPLE NA,
        queuepct: UINT8 DEC,
    }
    246 SOCKET_ACCEPT_5_E "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    248 SOCKET_ACCEPT4_5_E "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: INT32 HEX,
    }
    249 SOCKET_ACCEPT4_5_X "accept" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        tuple: SOCKTUPLE NA,
        queuepct: UINT8 DEC,
        queuelen: UINT32 DEC,
        queuemax: UINT32 DEC,
    }
    388 SOCKET_ACCEPT4_6_E "accept4" (NET | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: INT32 HEX,
    }
}
