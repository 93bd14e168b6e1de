//! Descriptors other than files, and waiting for descriptors.

use crate::FlagTable;

flag_tables! {
    POLL_FLAGS "poll_flags" {
        "POLLIN" = 0x1,
        "POLLPRI" = 0x2,
        "POLLOUT" = 0x4,
        "POLLRDHUP" = 0x8,
        "POLLERR" = 0x10,
        "POLLHUP" = 0x20,
        "POLLNVAL" = 0x40,
        "POLLRDNORM" = 0x80,
        "POLLRDBAND" = 0x100,
        "POLLWRNORM" = 0x200,
        "POLLWRBAND" = 0x400,
    }
    EPOLL_CREATE1_FLAGS "epoll_create1_flags" {
        "EPOLL_CLOEXEC" = 0x1,
    }
    MEMFD_CREATE_FLAGS "memfd_create_flags" {
        "MFD_CLOEXEC" = 0x1,
        "MFD_ALLOW_SEALING" = 0x2,
        "MFD_HUGETLB" = 0x4,
    }
    PIDFD_OPEN_FLAGS "pidfd_open_flags" {
        "PIDFD_NONBLOCK" = 0x1,
    }
    CLOSE_RANGE_FLAGS "close_range_flags" {
        "CLOSE_RANGE_UNSHARE" = 0x2,
        "CLOSE_RANGE_CLOEXEC" = 0x4,
    }
    ANON_INODE_FD_TYPES "anon_inode_fd_types" {
        "ANON_INODE_FD_TYPE_UNKNOWN" = 0x0,
        "ANON_INODE_FD_TYPE_EVENTFD" = 0x1,
        "ANON_INODE_FD_TYPE_EVENTPOLL" = 0x2,
        "ANON_INODE_FD_TYPE_INOTIFY" = 0x3,
        "ANON_INODE_FD_TYPE_SIGNALFD" = 0x4,
        "ANON_INODE_FD_TYPE_TIMERFD" = 0x5,
        "ANON_INODE_FD_TYPE_IO_URING" = 0x6,
        "ANON_INODE_FD_TYPE_USERFAULTFD" = 0x7,
        "ANON_INODE_FD_TYPE_PIDFD" = 0x8,
        "ANON_INODE_FD_TYPE_BPF_MAP" = 0x9,
        "ANON_INODE_FD_TYPE_BPF_PROG" = 0xa,
        "ANON_INODE_FD_TYPE_BPF_LINK" = 0xb,
        "ANON_INODE_FD_TYPE_BPF_ITER" = 0xc,
        "ANON_INODE_FD_TYPE_PERF_EVENT" = 0xd,
    }
}
