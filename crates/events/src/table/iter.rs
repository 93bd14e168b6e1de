//! Snapshot records of the BPF iterators.

use super::row::*;

events! {
    430 ITER_TASK_E "task" (PROCESS | ITER) (MODIFIES_STATE) {
        ppid: PID32 DEC = CUSTOM,
        pgid: PID32 DEC = CUSTOM,
        vpgid: PID32 DEC = CUSTOM,
        sid: PID32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        argv: CHARBUFARRAY NA = CUSTOM,
        exepath: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags EXECVE_FLAGS] = CUSTOM,
        env: CHARBUFARRAY NA = CUSTOM,
        cwd: CHARBUF NA = CUSTOM,
        fdlimit: UINT64 DEC = CUSTOM,
        euid: UID DEC = CUSTOM,
        egid: GID DEC = CUSTOM,
        cap_permitted: UINT64 HEX = CUSTOM,
        cap_effective: UINT64 HEX = CUSTOM,
        cap_inheritable: UINT64 HEX = CUSTOM,
        exe_ino_num: UINT64 DEC = CUSTOM,
        exe_ino_ctime: ABSTIME DEC = CUSTOM,
        exe_ino_mtime: ABSTIME DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vtgid: PID32 DEC = CUSTOM,
        vpid: PID32 DEC = CUSTOM,
        pidns_init_start_ts: UINT64 DEC = CUSTOM,
        cgroups: CHARBUFARRAY NA = CUSTOM,
        root: FSPATH NA = CUSTOM,
        start_time: ABSTIME DEC = CUSTOM,
        tty: UINT32 DEC = CUSTOM,
        loginuid: UID DEC = CUSTOM,
    }
    432 ITER_TASK_FILE_PIPE_E "task_file_pipe" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        path: FSPATH NA = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    434 ITER_TASK_FILE_MEMFD_E "task_file_memfd" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        path: FSPATH NA = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    436 ITER_TASK_FILE_REGULAR_E "task_file_regular" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        path: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mnt_id: UINT32 DEC = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    438 ITER_TASK_FILE_DIRECTORY_E "task_file_directory" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        path: FSPATH NA = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    440 ITER_TASK_FILE_SOCKET_INET_E "task_file_socket_inet" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        sk_type: UINT16 DEC = CUSTOM,
        sk_proto: UINT16 DEC = CUSTOM,
        local_ip: IPV4ADDR HEX = CUSTOM,
        local_port: PORT HEX = CUSTOM,
        remote_ip: IPV4ADDR HEX = CUSTOM,
        remote_port: PORT HEX = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    442 ITER_TASK_FILE_SOCKET_INET6_E "task_file_socket_inet6" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        sk_type: UINT16 DEC = CUSTOM,
        sk_proto: UINT16 DEC = CUSTOM,
        local_ip: IPV6ADDR HEX = CUSTOM,
        local_port: PORT HEX = CUSTOM,
        remote_ip: IPV6ADDR HEX = CUSTOM,
        remote_port: PORT HEX = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    444 ITER_TASK_FILE_SOCKET_UNIX_E "task_file_socket_unix" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        sk_type: UINT16 DEC = CUSTOM,
        sk_proto: UINT16 DEC = CUSTOM,
        sk_pointer: UINT64 NA = CUSTOM,
        sun_path: FSPATH NA = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    446 ITER_TASK_FILE_SOCKET_NETLINK_E "task_file_socket_netlink" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        sk_type: UINT16 DEC = CUSTOM,
        sk_proto: UINT16 DEC = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
    448 ITER_TASK_FILE_ANON_INODE_E "task_file_anon_inode" (FILE | ITER) (MODIFIES_STATE) {
        fd: FD32 DEC = CUSTOM,
        fd_type: FLAGS8 DEC [flags ANON_INODE_FD_TYPES] = CUSTOM,
        path: FSPATH NA = CUSTOM,
        ino_num: UINT64 DEC = CUSTOM,
    }
}
