//! A log socket for a single program.

/// Mounts the socket `$0` as `/dev/log` for the command after `$1`, in its own mount namespace; `$1` is a name for a
/// directory.
pub const WITH_LOG: &str = r#"set -e
if [ ! -e /dev/log ]; then
    mkdir "$1"
    mount -t tmpfs none "$1"
    for device in null zero full urandom; do
        touch "$1/$device"
        mount --bind "/dev/$device" "$1/$device"
    done
    touch "$1/log"
    mount --move "$1" /dev
fi
mount --bind "$0" /dev/log
shift
exec "$@""#;
