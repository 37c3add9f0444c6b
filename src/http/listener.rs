//! The sockets that are listened on: bound by us, or handed over by systemd. It knows no request.

use std::fs;
use std::io;
use std::path::PathBuf;

use listenfd::ListenFd;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::config::{Listen, WebSettings};

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address of the settings is taken, or not ours.
    #[error("web.listen: failed to listen on {listen}")]
    Refused {
        /// Which one.
        listen: Listen,
        /// Why not.
        source: io::Error,
    },
    /// systemd hands over no sockets, or others than can be served on.
    #[error("web.systemd_socket: {0}; start it by a .socket unit with ListenStream=")]
    Inherited(String),
}

/// A socket that is listened on.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// `None` where the file is not ours to remove.
        _file: Option<SocketFile>,
    },
}

/// The file of a Unix socket, removed with it.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If somebody removed it already, that is what was wanted.
        let _ = fs::remove_file(&self.0);
    }
}

/// A connection of either kind of socket.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    /// Every socket that the settings ask for, each with its address; all or none.
    pub(super) async fn bind_all(settings: &WebSettings) -> Result<Vec<(Self, Listen)>, BindError> {
        if settings.systemd_socket {
            return inherited();
        }
        let mut bound = Vec::new();
        for listen in &settings.listen {
            let listener = Self::bind(listen).await;
            bound.push(listener.map_err(|source| BindError::Refused {
                listen: listen.clone(),
                source,
            })?);
        }
        Ok(bound)
    }

    async fn bind(listen: &Listen) -> io::Result<(Self, Listen)> {
        match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let address = Listen::Tcp(listener.local_addr()?);
                Ok((Listener::Tcp(listener), address))
            }
            Listen::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                let file = Some(SocketFile(path.clone()));
                Ok((Listener::Unix { listener, _file: file }, listen.clone()))
            }
        }
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Or the end of an answer waits for the reader's delayed acknowledgement: 40 ms.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Listener::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// The sockets that systemd hands over, as `sd_listen_fds(3)` says.
fn inherited() -> Result<Vec<(Listener, Listen)>, BindError> {
    let mut handed_over = ListenFd::from_env();
    if handed_over.len() == 0 {
        return Err(BindError::Inherited("systemd handed over no socket".to_owned()));
    }
    let places = 0..handed_over.len();
    let taken = places.map(|place| take(&mut handed_over, place));
    let taken: io::Result<Vec<(Listener, Listen)>> = taken.collect();
    taken.map_err(|error| BindError::Inherited(error.to_string()))
}

/// A stream socket of either kind; a fault names the descriptor.
fn take(handed_over: &mut ListenFd, place: usize) -> io::Result<(Listener, Listen)> {
    if let Ok(Some(listener)) = handed_over.take_tcp_listener(place) {
        listener.set_nonblocking(true)?;
        let address = Listen::Tcp(listener.local_addr()?);
        return Ok((Listener::Tcp(TcpListener::from_std(listener)?), address));
    }
    let Some(listener) = handed_over.take_unix_listener(place)? else {
        return Err(io::ErrorKind::NotFound.into());
    };
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let path = address.as_pathname().map_or_else(PathBuf::new, PathBuf::from);
    let listener = UnixListener::from_std(listener)?;
    Ok((Listener::Unix { listener, _file: None }, Listen::Unix(path)))
}
