//! `fs.path.*`: the paths of calls that work on them.

use eyas_events::{EventType as T, ParamDetail, ParamType, param as p};
use eyas_fields::Value;

use super::row::fields;
use crate::path_params;
use crate::view::EventView;

fields! {
    "fs.path.name": STR Event Na; "Requested path of the call, made absolute (mkdir, rmdir, unlink, open, chmod, chown, truncate, xattr, quotactl and umount families)."
        => |v, _| path(v, Role::Name, Form::Asked),
    "fs.path.nameraw": STR Event Na; "Path that the call works on, as the program passed it."
        => |v, _| path(v, Role::Name, Form::Raw),
    "fs.path.namereal": STR Event Na; "The kernel's path of the file that the call worked on: symlinks are followed, and other threads cannot change it; fs.path.name if it is not known."
        => |v, _| path(v, Role::Name, Form::Real),
    "fs.path.source": STR Event Na; "Source of a successful rename or mount; the new path of a successful link or symlink."
        => |v, _| path(v, Role::Source, Form::Asked),
    "fs.path.sourceraw": STR Event Na; "fs.path.source as the program passed it."
        => |v, _| path(v, Role::Source, Form::Raw),
    "fs.path.sourcereal": STR Event Na; "The kernel's path of fs.path.source; fs.path.source if it is not known."
        => |v, _| path(v, Role::Source, Form::Real),
    "fs.path.target": STR Event Na; "Target of a successful rename or mount; the path that a successful link or symlink points to."
        => |v, _| path(v, Role::Target, Form::Asked),
    "fs.path.targetraw": STR Event Na; "fs.path.target as the program passed it."
        => |v, _| path(v, Role::Target, Form::Raw),
    "fs.path.targetreal": STR Event Na; "The kernel's path of fs.path.target; fs.path.target if it is not known."
        => |v, _| path(v, Role::Target, Form::Real),
}

/// Form of a path.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// The text from the program.
    Raw,
    /// Absolute.
    Asked,
    /// The kernel's path.
    Real,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Name,
    Source,
    Target,
}

/// What a field of paths shows in events of a type.
pub(crate) enum PathOrigin {
    /// It has no value.
    Nothing,
    /// The path of the descriptor's file.
    File,
    /// The parameter `at`: if `is_raw`, as the program passed it, and otherwise absolute. `of_failed`: in events of failed
    /// calls, too.
    Param { at: usize, is_raw: bool, of_failed: bool },
}

/// What the field `name` of this file shows in events of a type.
pub(crate) fn path_origin(name: &str, ty: T) -> PathOrigin {
    let found = role_and_form(name).and_then(|(role, form)| Some((origin(ty, role)?, form)));
    match found {
        None => PathOrigin::Nothing,
        Some(((Place::Fd, _), _)) => PathOrigin::File,
        Some(((Place::Param(at), of_failed), form)) => {
            PathOrigin::Param { at, is_raw: form == Form::Raw, of_failed }
        }
    }
}

fn role_and_form(name: &str) -> Option<(Role, Form)> {
    let name = name.strip_prefix("fs.path.")?;
    let roles = [("name", Role::Name), ("source", Role::Source), ("target", Role::Target)];
    let (role, form) = roles.into_iter().find_map(|(text, role)| Some((role, name.strip_prefix(text)?)))?;
    let form = match form {
        "" => Form::Asked,
        "raw" => Form::Raw,
        "real" => Form::Real,
        _ => return None,
    };
    Some((role, form))
}

/// Origin of a path.
enum Place {
    /// A path or name parameter.
    Param(usize),
    /// The name of the event's file.
    Fd,
}

/// Calls that open: their path is shown even if they fail.
fn opened(ty: T) -> Option<usize> {
    Some(match ty {
        T::SYSCALL_OPEN_X => p::SYSCALL_OPEN_X::name,
        T::SYSCALL_OPENAT_2_X => p::SYSCALL_OPENAT_2_X::name,
        T::SYSCALL_OPENAT2_X => p::SYSCALL_OPENAT2_X::name,
        T::SYSCALL_CREAT_X => p::SYSCALL_CREAT_X::name,
        T::SYSCALL_OPEN_BY_HANDLE_AT_X => p::SYSCALL_OPEN_BY_HANDLE_AT_X::path,
        T::SYSCALL_OPEN_TREE_X | T::SYSCALL_OPEN_TREE_ATTR_X => p::SYSCALL_OPEN_TREE_X::path,
        _ => return None,
    })
}

fn place(ty: T, role: Role) -> Option<Place> {
    let at = match role {
        Role::Name => match ty {
            T::SYSCALL_MKDIR_2_X => p::SYSCALL_MKDIR_2_X::path,
            T::SYSCALL_MKDIRAT_X => p::SYSCALL_MKDIRAT_X::path,
            T::SYSCALL_RMDIR_2_X => p::SYSCALL_RMDIR_2_X::path,
            T::SYSCALL_UNLINK_2_X => p::SYSCALL_UNLINK_2_X::path,
            T::SYSCALL_UNLINKAT_2_X => p::SYSCALL_UNLINKAT_2_X::name,
            T::SYSCALL_CHMOD_X => p::SYSCALL_CHMOD_X::filename,
            T::SYSCALL_FCHMODAT_X => p::SYSCALL_FCHMODAT_X::filename,
            T::SYSCALL_CHOWN_X => p::SYSCALL_CHOWN_X::path,
            T::SYSCALL_LCHOWN_X => p::SYSCALL_LCHOWN_X::path,
            T::SYSCALL_FCHOWNAT_X => p::SYSCALL_FCHOWNAT_X::pathname,
            T::SYSCALL_FCHMODAT2_X => p::SYSCALL_FCHMODAT2_X::filename,
            T::SYSCALL_TRUNCATE_X => p::SYSCALL_TRUNCATE_X::path,
            T::SYSCALL_FCHMOD_X | T::SYSCALL_FCHOWN_X | T::SYSCALL_FTRUNCATE_X => return Some(Place::Fd),
            T::SYSCALL_FSETXATTR_X
            | T::SYSCALL_FGETXATTR_X
            | T::SYSCALL_FLISTXATTR_X
            | T::SYSCALL_FREMOVEXATTR_X => return Some(Place::Fd),
            T::SYSCALL_SETXATTR_X
            | T::SYSCALL_LSETXATTR_X
            | T::SYSCALL_GETXATTR_X
            | T::SYSCALL_LGETXATTR_X
            | T::SYSCALL_LISTXATTR_X
            | T::SYSCALL_LLISTXATTR_X
            | T::SYSCALL_REMOVEXATTR_X
            | T::SYSCALL_LREMOVEXATTR_X => p::SYSCALL_SETXATTR_X::path,
            T::SYSCALL_SETXATTRAT_X
            | T::SYSCALL_GETXATTRAT_X
            | T::SYSCALL_LISTXATTRAT_X
            | T::SYSCALL_REMOVEXATTRAT_X => p::SYSCALL_SETXATTRAT_X::path,
            T::SYSCALL_MOUNT_SETATTR_X => p::SYSCALL_MOUNT_SETATTR_X::path,
            T::SYSCALL_FSPICK_X => p::SYSCALL_FSPICK_X::path,
            T::SYSCALL_QUOTACTL_X => p::SYSCALL_QUOTACTL_X::special,
            T::SYSCALL_UMOUNT_1_X => p::SYSCALL_UMOUNT_1_X::name,
            T::SYSCALL_UMOUNT2_X => p::SYSCALL_UMOUNT2_X::name,
            _ => return None,
        },
        Role::Source => match ty {
            T::SYSCALL_RENAME_X => p::SYSCALL_RENAME_X::oldpath,
            T::SYSCALL_RENAMEAT_X => p::SYSCALL_RENAMEAT_X::oldpath,
            T::SYSCALL_RENAMEAT2_X => p::SYSCALL_RENAMEAT2_X::oldpath,
            T::SYSCALL_LINK_2_X => p::SYSCALL_LINK_2_X::newpath,
            T::SYSCALL_LINKAT_2_X => p::SYSCALL_LINKAT_2_X::newpath,
            T::SYSCALL_SYMLINK_X => p::SYSCALL_SYMLINK_X::linkpath,
            T::SYSCALL_SYMLINKAT_X => p::SYSCALL_SYMLINKAT_X::linkpath,
            T::SYSCALL_MOUNT_X => p::SYSCALL_MOUNT_X::dev,
            T::SYSCALL_MOVE_MOUNT_X => p::SYSCALL_MOVE_MOUNT_X::dev,
            _ => return None,
        },
        Role::Target => match ty {
            T::SYSCALL_RENAME_X => p::SYSCALL_RENAME_X::newpath,
            T::SYSCALL_RENAMEAT_X => p::SYSCALL_RENAMEAT_X::newpath,
            T::SYSCALL_RENAMEAT2_X => p::SYSCALL_RENAMEAT2_X::newpath,
            T::SYSCALL_LINK_2_X => p::SYSCALL_LINK_2_X::oldpath,
            T::SYSCALL_LINKAT_2_X => p::SYSCALL_LINKAT_2_X::oldpath,
            T::SYSCALL_SYMLINK_X => p::SYSCALL_SYMLINK_X::target,
            T::SYSCALL_SYMLINKAT_X => p::SYSCALL_SYMLINKAT_X::target,
            T::SYSCALL_MOUNT_X => p::SYSCALL_MOUNT_X::dir,
            T::SYSCALL_MOVE_MOUNT_X => p::SYSCALL_MOVE_MOUNT_X::dir,
            _ => return None,
        },
    };
    Some(Place::Param(at))
}

/// The origin of the path, and whether events of failed calls show it.
fn origin(ty: T, role: Role) -> Option<(Place, bool)> {
    match opened(ty) {
        Some(at) => (role == Role::Name).then_some((Place::Param(at), true)),
        None => Some((place(ty, role)?, false)),
    }
}

fn path<'v>(v: &'v EventView<'v>, role: Role, form: Form) -> Option<Value<'v>> {
    let event = v.event();
    let (place, of_failed) = origin(event.ty, role)?;
    if !of_failed && v.result()? < 0 {
        return None;
    }
    let by = if form == Form::Real { v.of_kernel() } else { *v };
    let text = match place {
        Place::Fd => &by.fd()?.name,
        Place::Param(at) if form == Form::Raw => event.text(at)?,
        // No path names nothing, not the working directory.
        Place::Param(at) if opened(event.ty).is_some() && event.text(at) == Some(b"") => b"",
        Place::Param(at) => resolved(&by, at)?,
    };
    Some(Value::Str(text))
}

/// The absolute path; unchanged if its thread is unknown.
fn resolved<'v>(v: &EventView<'v>, at: usize) -> Option<&'v [u8]> {
    let info = v.event().info()?.params.get(at)?;
    let is_path = matches!(info.ty, ParamType::FSPATH | ParamType::FSRELPATH)
        || matches!(info.detail, ParamDetail::At(_))
        || info.ty == ParamType::CHARBUF;
    if is_path && v.thread().is_some() { path_params::absolute(v, at) } else { v.event().text(at) }
}
