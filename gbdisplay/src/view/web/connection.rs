//! A connection that nobody is at the other end of: how long it lasts, and how much waits in it.

use std::time::Duration;

use rustix::io;
use rustix::net::sockopt;
use tokio::net::TcpStream;

/// How long the other end may leave unread what was sent to it, in milliseconds, or be silent when
/// asked whether it is there: then it holds no key any more.
const GONE_MS: u32 = 5_000;
/// How long nothing has been heard before it is asked.
const ASKED_AFTER: Duration = Duration::from_secs(2);
/// How much may wait to be sent, in bytes; the kernel takes it twice. About five pictures: one who is
/// slow is shown what there is, not what there was.
const WAITING_MAX: usize = 16 << 10;

/// Sets these bounds.
///
/// # Errors
/// The kernel refuses one of them.
pub(super) fn bound(tcp: &TcpStream) -> io::Result<()> {
    sockopt::set_tcp_user_timeout(tcp, GONE_MS)?;
    sockopt::set_tcp_keepidle(tcp, ASKED_AFTER)?;
    sockopt::set_tcp_keepintvl(tcp, ASKED_AFTER)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_socket_send_buffer_size(tcp, WAITING_MAX)
}
