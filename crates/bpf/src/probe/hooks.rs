//! Decisions of the kernel's security hooks as a source of events. Its programs are loaded on request, so
//! it costs nothing before. If a kernel has only some of the hooks, or allows no program to attach to them,
//! the rest of the probe still works.

use std::os::fd::OwnedFd;

use eyas_events::{Hook, hooks};
use libbpf_rs::skel::Skel;
use libbpf_rs::{Link, Program, ProgramAttachType, ProgramType};

use super::Probe;
use super::account::recursion_misses;
use super::hook_method::{HookMethod, HookSource};
use super::load::Maps;
use crate::error::{Error, kernel};
use crate::features::Types;
use crate::programs::DECIDES as PREFIX;

impl Probe {
    /// Starts or stops (`None`) to capture decisions of the kernel's security hooks; returns the method.
    /// [`HookMethod::Tracepoints`] means that the kernel supports neither of the others, and nothing is attached.
    ///
    /// Decisions are separate events of the type `LSM_X`; the reader attaches them to the calls.
    ///
    /// # Errors
    /// The kernel refuses to share the probe's memory with the programs.
    pub fn set_hooks(&mut self, source: Option<HookSource>) -> Result<HookMethod, Error> {
        self.detach_hooks();
        self.hook_method = HookMethod::Tracepoints;
        if let Some(source) = source {
            let types = Types::of_kernel();
            for method in source.methods().iter().copied().filter(|method| method.is_there()) {
                if self.attach_hooks(method, &types)? {
                    self.hook_method = method;
                    break;
                }
            }
        }
        self.seal();
        Ok(self.hook_method)
    }

    /// Detaches the programs. How often the kernel skipped them is still counted.
    pub(super) fn detach_hooks(&mut self) {
        let programs: Vec<_> = self.hook_programs().collect();
        self.links.retain(|(name, _)| !is_hook(name));
        self.missed_hooks += programs.iter().map(|(_, program)| recursion_misses(program)).sum::<u64>();
    }

    /// The current method to capture decisions.
    pub fn hook_method(&self) -> HookMethod {
        self.hook_method
    }

    /// The hooks whose decisions are captured.
    pub fn hooks(&self) -> impl Iterator<Item = &'static Hook> {
        hooks().filter(|hook| self.links.iter().any(|(name, _)| name.strip_prefix(PREFIX) == Some(hook.name)))
    }

    /// The programs of the attached hooks. Their objects are closed; the links keep the programs in the kernel.
    pub(super) fn hook_programs(&self) -> impl Iterator<Item = (&'static str, OwnedFd)> {
        self.links.iter().filter(|(name, _)| is_hook(name)).filter_map(|(name, link)| {
            let program = Program::fd_from_id(link.info().ok()?.prog_id).ok()?;
            Some((*name, program))
        })
    }

    /// Attaches the programs of all hooks that the kernel supports with this method; returns whether there are any.
    fn attach_hooks(&mut self, method: HookMethod, types: &Types) -> Result<bool, Error> {
        let mut there = Vec::new();
        for hook in hooks() {
            let Some(params) = types.params_of(&method.function(hook)) else { continue };
            if let Some(slot) = self
                .skel
                .maps
                .bss_data
                .as_deref_mut()
                .and_then(|bss| bss.hook_args.get_mut(usize::from(hook.number)))
            {
                *slot = params as u8;
                there.push(hook);
            }
        }
        let mut links = self.load_hooks(method, &there);
        if links.is_err() {
            // A kernel that refuses one hook may accept another. If it refuses the first of all, the hook
            // is not the reason.
            let mut some = Vec::new();
            for hook in &there {
                match self.load_hooks(method, &[*hook]) {
                    Ok(one) => some.extend(one),
                    Err(_) if some.is_empty() => break,
                    Err(_) => {}
                }
            }
            links = Ok(some);
        }
        let links = links?;
        let any = !links.is_empty();
        self.links.extend(links);
        Ok(any)
    }

    /// Loads the programs of these hooks, with the probe's maps, and attaches them. A link keeps its
    /// program loaded; the rest is dropped.
    fn load_hooks(
        &self,
        method: HookMethod,
        wanted: &[&'static Hook],
    ) -> Result<Vec<(&'static str, Link)>, Error> {
        let mut open = Maps::of(self.skel.object()).open().map_err(kernel("share its memory"))?;
        let hook_of = |name: &std::ffi::OsStr| {
            let name = name.to_str()?.strip_prefix(PREFIX)?;
            wanted.iter().find(|hook| hook.name == name)
        };
        for mut program in open.progs_mut() {
            let hook = hook_of(program.name());
            program.set_autoload(hook.is_some());
            if let (Some(hook), HookMethod::Lsm) = (hook, method) {
                program.set_prog_type(ProgramType::Lsm);
                program.set_attach_type(ProgramAttachType::LsmMac);
                program
                    .set_attach_target(0, Some(hook.name.to_owned()))
                    .map_err(kernel("find its security hooks"))?;
            }
        }
        let object = open.load().map_err(kernel("load its programs for security hooks"))?;
        let mut links = Vec::new();
        for program in object.progs_mut().filter(|program| program.autoload()) {
            let Some(hook) = hook_of(program.name()) else { continue };
            let link = match method {
                HookMethod::Lsm => program.attach_lsm(),
                _ => program.attach_trace(),
            };
            links.push((program_name(hook), link.map_err(kernel("attach to security hooks"))?));
        }
        Ok(links)
    }
}

/// Whether a program belongs to the hooks.
fn is_hook(program: &str) -> bool {
    program.starts_with(PREFIX)
}

/// Names of the programs, by the numbers of their hooks.
fn program_name(hook: &Hook) -> &'static str {
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let names = NAMES.get_or_init(|| hooks().map(|hook| format!("{PREFIX}{}", hook.name)).collect());
    names.get(usize::from(hook.number) - 1).map_or(PREFIX, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_has_a_function_for_each_method_and_a_program() {
        let bprm = hooks().next().unwrap();
        assert_eq!(HookMethod::Lsm.function(bprm), "bpf_lsm_bprm_check_security");
        assert_eq!(HookMethod::Functions.function(bprm), "security_bprm_check");
        for hook in hooks() {
            assert_eq!(program_name(hook).strip_prefix(PREFIX), Some(hook.name));
            assert!(is_hook(program_name(hook)) && !is_hook("hook_path_link"));
        }
    }
}
