//! `user.*` and `group.*`

use eyas_fields::Value;

use super::row::fields;

/// Text for an unknown name.
const NA: &[u8] = b"<NA>";

fields! {
    "user.uid": UINT32 Process Id; "Effective user id; 4294967295 if unknown."
        => |v, _| Some(Value::Uint(u64::from(v.thread()?.uid))),
    "user.name": STR Process Na; "Name of the effective user; <NA> if it is not known."
        => |v, _| v.thread().map(|t| Value::Str(v.user_name(t.uid).unwrap_or(NA))),
    "user.homedir": STR Process Na; "Home directory of the effective user; <NA> if it is not known."
        => |v, _| v.thread().map(|t| Value::Str(v.user(t.uid).map_or(root(t.uid, b"/root"), |u| &u.home))),
    "user.shell": STR Process Na; "Login shell of the effective user; <NA> if it is not known."
        => |v, _| v.thread().map(|t| Value::Str(v.user(t.uid).map_or(NA, |u| &u.shell))),
    "user.loginuid": INT64 Process Id; "Id of the user who logged in; -1 if there is none."
        => |v, _| Some(Value::Int(i64::from(v.thread()?.loginuid as i32))),
    "user.loginname": STR Process Na; "Name of the user who logged in; <NA> if it is not known."
        => |v, _| v.thread().map(|t| Value::Str(v.user_name(t.loginuid).unwrap_or(NA))),
    "group.gid": UINT32 Process Id; "Effective group id."
        => |v, _| Some(Value::Uint(u64::from(v.thread()?.gid))),
    "group.name": STR Process Na; "Name of the effective group; <NA> if it is not known."
        => |v, _| v.thread().map(|t| Value::Str(v.group_name(t.gid).unwrap_or(NA))),
}

fn root(uid: u32, home: &'static [u8]) -> &'static [u8] {
    if uid == 0 { home } else { NA }
}
