//! Parameters as text, the way `evt.args` shows them: `fd=4(<f>/etc/passwd) flags=1(O_RDONLY)`.

pub(crate) mod names;
mod param;
mod sock;
mod text;
pub(crate) mod time;

pub(crate) use param::{is_generic, param, poll_list};
pub(crate) use sock::{sock_addr, sock_tuple};
pub(crate) use text::Text;
