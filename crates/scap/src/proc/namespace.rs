//! Checks whether `/proc` is that of the machine.

use std::path::Path;

use crate::error::shown;

/// The kernel's name of the first pid namespace.
const OF_THE_MACHINE: &str = "pid:[4026531836]";

/// If `/proc` below this root shows only the processes of a container, returns the problem, and how to run
/// a monitor instead. Events then have process ids that do not exist there.
pub fn foreign_processes(root: &Path) -> Option<String> {
    // Below another root, `self` would be this process itself.
    let process = if root == Path::new("/") { "self" } else { "1" };
    let namespace = std::fs::read_link(root.join("proc").join(process).join("ns/pid")).ok()?;
    if namespace.as_os_str() == OF_THE_MACHINE {
        return None;
    }
    let proc = root.join("proc");
    Some(format!(
        "{} shows the processes of a container alone ({}): parents, open files, working directories and containers of \
         other processes are not known. Run this with the host's pid namespace (podman or docker: --pid=host; \
         Kubernetes: hostPID: true), or mount the host's root directory and set HOST_ROOT to it \
         (-v /:/host:ro -e HOST_ROOT=/host)",
        shown(&proc),
        shown(&namespace)
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn the_proc_of_a_container_is_distinguished_from_the_machine_s() {
        let root = Dir::new("namespace");
        std::fs::create_dir_all(root.join("proc/1/ns")).unwrap();
        assert_eq!(foreign_processes(&root), None, "nobody knows");
        let link = root.join("proc/1/ns/pid");
        symlink(OF_THE_MACHINE, &link).unwrap();
        assert_eq!(foreign_processes(&root), None);
        std::fs::remove_file(&link).unwrap();
        symlink("pid:[4026532200]", &link).unwrap();
        let warning = foreign_processes(&root).unwrap();
        assert!(warning.contains("--pid=host") && warning.contains("HOST_ROOT"), "{warning}");
    }
}
