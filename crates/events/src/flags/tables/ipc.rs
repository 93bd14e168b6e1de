//! Communication between processes.

use crate::FlagTable;

flag_tables! {
    FUTEX_OPERATIONS "futex_operations" {
        "FUTEX_CLOCK_REALTIME" = 0x100,
        "FUTEX_PRIVATE_FLAG" = 0x80,
        "FUTEX_CMP_REQUEUE_PI" = 0xc,
        "FUTEX_WAIT_REQUEUE_PI" = 0xb,
        "FUTEX_WAKE_BITSET" = 0xa,
        "FUTEX_WAIT_BITSET" = 0x9,
        "FUTEX_TRYLOCK_PI" = 0x8,
        "FUTEX_UNLOCK_PI" = 0x7,
        "FUTEX_LOCK_PI" = 0x6,
        "FUTEX_WAKE_OP" = 0x5,
        "FUTEX_CMP_REQUEUE" = 0x4,
        "FUTEX_REQUEUE" = 0x3,
        "FUTEX_FD" = 0x2,
        "FUTEX_WAKE" = 0x1,
        "FUTEX_WAIT" = 0x0,
    }
    SEMOP_FLAGS "semop_flags" {
        "IPC_NOWAIT" = 0x1,
        "SEM_UNDO" = 0x2,
    }
    SEMGET_FLAGS "semget_flags" {
        "IPC_EXCL" = 0x4000,
        "IPC_CREAT" = 0x2000,
    }
    SEMCTL_COMMANDS "semctl_commands" {
        "IPC_STAT" = 0x1,
        "IPC_SET" = 0x2,
        "IPC_RMID" = 0x4,
        "IPC_INFO" = 0x8,
        "SEM_INFO" = 0x10,
        "SEM_STAT" = 0x20,
        "GETALL" = 0x40,
        "GETNCNT" = 0x80,
        "GETPID" = 0x100,
        "GETVAL" = 0x200,
        "GETZCNT" = 0x400,
        "SETALL" = 0x800,
        "SETVAL" = 0x1000,
    }
}
