//! Programs at the beginning of kernel functions.

use libbpf_rs::{Error, KprobeOpts, Link, ProgramMut};

use crate::programs::Function;

/// Attaches a program to functions. The program gets the index of the function in the list.
pub(crate) fn attach(program: &ProgramMut<'_>, functions: &[Function]) -> Result<Vec<Link>, Error> {
    let mut links = Vec::new();
    for (at, function) in functions.iter().enumerate() {
        let options = KprobeOpts { cookie: at as u64, ..KprobeOpts::default() };
        match program.attach_kprobe_with_opts(false, function.name, options) {
            Ok(link) => links.push(link),
            Err(_) if function.is_optional => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(links)
}

/// Attaches a program to those of the functions that the kernel has. The program gets no index, which needs Linux 5.15.
pub(crate) fn attach_to_some(program: &ProgramMut<'_>, functions: &[&str]) -> Vec<Link> {
    functions.iter().filter_map(|name| program.attach_kprobe(false, name).ok()).collect()
}
