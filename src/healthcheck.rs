//! Asks a running exporter whether it is well, for images without a shell and supervisors without a client. One request, one
//! line of its answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::config::Listen;

/// An exporter that is well answers in a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether the process answers.
    Healthy,
    /// Whether every required project has a snapshot.
    Ready,
}

/// The exporter is not well, or not there.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Nobody answers.
    #[error("no exporter answers at {listen}")]
    Silent {
        /// Where it should.
        listen: Listen,
        /// What happened instead.
        source: io::Error,
    },
    /// It answers that it is not.
    #[error("the exporter at {listen} answers {status}")]
    Unwell {
        /// Where.
        listen: Listen,
        /// The status line.
        status: String,
    },
}

/// Asks the exporter that listens there.
///
/// # Errors
///
/// [`HealthError`] says whether it is unwell or absent.
pub async fn ask(listen: &Listen, question: Question) -> Result<(), HealthError> {
    let answered = timeout(PATIENCE, status_line(listen, question)).await;
    let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 s"));
    let status = answered
        .unwrap_or_else(|_| late())
        .map_err(|source| HealthError::Silent {
            listen: listen.clone(),
            source,
        })?;
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(HealthError::Unwell {
        listen: listen.clone(),
        status,
    })
}

async fn status_line(listen: &Listen, question: Question) -> io::Result<String> {
    match listen {
        Listen::Tcp(address) => exchange(TcpStream::connect(reachable(*address)).await?, question).await,
        Listen::Unix(path) => exchange(UnixStream::connect(path).await?, question).await,
    }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, question: Question) -> io::Result<String> {
    let path = match question {
        Question::Healthy => "/-/healthy",
        Question::Ready => "/-/ready",
    };
    let mut stream = BufReader::new(stream);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

/// Whoever listens on every address is reached on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
