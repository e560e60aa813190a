//! The admin socket of a daemon, as Ceph's: a client sends one command and a NUL, and gets the length
//! of the answer in four bytes, big endian, and the answer. Beside it, metrics over HTTP.
//!
//! All of it runs on a thread of its own. It reaches the daemon by questions in a bounded queue, one
//! at a time; a client that sends nothing or never reads costs its connection, for a bounded time.

use anyhow::{Context, bail};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Clients that are served at once; further ones wait to be accepted.
const CLIENTS_MAX: usize = 16;
/// Bytes of a command.
const COMMAND_MAX: usize = 64 << 10;
/// For a client to say what it wants, and to take the answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);
/// Questions that wait for the daemon.
const QUESTIONS_MAX: usize = CLIENTS_MAX;
/// Bytes of an HTTP request's head.
const HEAD_MAX: usize = 8 << 10;
/// For the daemon to answer.
pub const DAEMON_PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A command as the client sent it.
    Command(String),
    /// Counters in Prometheus's text format.
    Metrics,
}

/// A question, and where its answer goes: the text as the socket sends it.
#[derive(Debug)]
pub struct Question {
    pub what: What,
    pub answer: oneshot::Sender<String>,
}

/// Asks the daemon.
#[derive(Debug, Clone)]
pub struct Asker(mpsc::Sender<Question>);

/// The daemon's end of an [`Asker`].
pub type Questions = mpsc::Receiver<Question>;

pub fn asker() -> (Asker, Questions) {
    let (sender, receiver) = mpsc::channel(QUESTIONS_MAX);
    (Asker(sender), receiver)
}

impl Asker {
    async fn ask(&self, what: What) -> String {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.0.send(Question { what, answer }).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(2 * DAEMON_PATIENCE, asked).await {
            Ok(Some(text)) => text,
            Ok(None) => "ERROR: (108) the daemon is going down\n".into(),
            Err(_) => "ERROR: (110) the daemon does not answer\n".into(),
        }
    }
}

/// A socket in the file system, removed when this is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    listener: StdUnixListener,
}

/// Removes a socket's file when the daemon ends.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl AdminSocket {
    /// Binds `path`. The file of a daemon that is gone is replaced; that of one that lives is not.
    ///
    /// # Errors
    /// If a daemon answers there, or the path cannot be bound: it takes at most 107 bytes.
    pub fn bind(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("cannot make the admin socket {}", path.display());
        match StdUnixStream::connect(path) {
            Ok(_) => bail!("{}: another daemon answers there", what()),
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).with_context(what)?;
            }
            Err(_) => {}
        }
        let listener = StdUnixListener::bind(path).with_context(what)?;
        listener.set_nonblocking(true).with_context(what)?;
        Ok(Self { path: path.to_owned(), listener })
    }
}

/// What the admin thread serves.
#[derive(Debug, Default)]
pub struct Served {
    pub socket: Option<AdminSocket>,
    pub metrics: Option<std::net::TcpListener>,
}

impl Served {
    /// The file to remove when the daemon ends.
    pub fn file(&self) -> Option<SocketFile> {
        self.socket.as_ref().map(|socket| SocketFile(socket.path.clone()))
    }
}

/// Listens for metrics on `addr`.
pub fn listen_metrics(addr: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(addr)
        .with_context(|| format!("cannot listen for metrics on {addr}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the asker's other end is gone; call it on a tokio runtime.
///
/// # Errors
/// If a listener cannot be taken over by the runtime.
pub fn spawn(served: Served, asker: &Asker) -> anyhow::Result<()> {
    if let Some(socket) = served.socket {
        let listener = UnixListener::from_std(socket.listener)?;
        let asker = asker.clone();
        tokio::spawn(serve_all(
            async move || Ok(listener.accept().await?.0),
            move |stream| {
                let asker = asker.clone();
                async move { serve_command(stream, &asker).await }
            },
        ));
    }
    if let Some(listener) = served.metrics {
        let listener = TcpListener::from_std(listener)?;
        let asker = asker.clone();
        tokio::spawn(serve_all(
            async move || Ok(listener.accept().await?.0),
            move |stream| {
                let asker = asker.clone();
                async move { serve_http(stream, &asker).await }
            },
        ));
    }
    Ok(())
}

/// Serves whoever is accepted, at most [`CLIENTS_MAX`] at once, each by itself.
async fn serve_all<S, F>(accept: impl AsyncFn() -> std::io::Result<S>, serve: impl Fn(S) -> F)
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        let place = places.clone().acquire_owned().await.expect("it is never closed");
        match accept().await {
            Ok(stream) => {
                let served = serve(stream);
                tokio::spawn(async move {
                    let _ = served.await;
                    drop(place);
                });
            }
            // Out of descriptors: trying at once does not help.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve_command(mut stream: UnixStream, asker: &Asker) -> anyhow::Result<()> {
    let read = read_command(&mut stream);
    let command = tokio::time::timeout(CLIENT_PATIENCE, read).await??;
    let answer = asker.ask(What::Command(command)).await;
    let length = u32::try_from(answer.len())?.to_be_bytes();
    let write = async {
        stream.write_all(&length).await?;
        stream.write_all(answer.as_bytes()).await
    };
    Ok(tokio::time::timeout(CLIENT_PATIENCE, write).await??)
}

/// Up to a NUL or the end of a line. What begins with a NUL is the oldest form: a number in four
/// bytes, big endian.
async fn read_command(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<String> {
    let mut command = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let got = stream.read(&mut chunk).await?;
        if got == 0 {
            bail!("the client left in the middle of a command");
        }
        command.extend_from_slice(&chunk[..got]);
        if command[0] == 0 {
            if let Some(number) = command.first_chunk::<4>() {
                return Ok(u32::from_be_bytes(*number).to_string());
            }
        } else if let Some(end) = command.iter().position(|b| matches!(b, 0 | b'\n')) {
            command.truncate(end);
            return Ok(String::from_utf8_lossy(&command).into_owned());
        }
        if command.len() > COMMAND_MAX {
            bail!("a command is too long");
        }
    }
}

async fn serve_http(mut stream: tokio::net::TcpStream, asker: &Asker) -> anyhow::Result<()> {
    let head = tokio::time::timeout(CLIENT_PATIENCE, read_head(&mut stream)).await??;
    let mut words = head.split_ascii_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => {
            let body = asker.ask(What::Metrics).await;
            if body.starts_with("ERROR") {
                ("503 Service Unavailable", "text/plain", body)
            } else {
                ("200 OK", "text/plain; version=0.0.4; charset=utf-8", body)
            }
        }
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "metrics are at /metrics\n".into()),
        _ => ("405 Method Not Allowed", "text/plain", "GET /metrics\n".into()),
    };
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    if method != "HEAD" {
        answer.push_str(&body);
    }
    let write = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    Ok(tokio::time::timeout(CLIENT_PATIENCE, write).await??)
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let got = stream.read(&mut chunk).await?;
        if got == 0 || head.len() > HEAD_MAX {
            bail!("no request");
        }
        head.extend_from_slice(&chunk[..got]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(bytes: &[u8]) -> anyhow::Result<String> {
        read_command(&mut &bytes[..]).await
    }

    #[test]
    fn commands_end_with_nul_or_line_and_old_ones_are_numbers() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert_eq!(answer(b"{\"prefix\": \"0\"}\0").await.unwrap(), "{\"prefix\": \"0\"}");
            assert_eq!(answer(b"perf dump\nrest").await.unwrap(), "perf dump");
            assert_eq!(answer(&[0, 0, 0, 1]).await.unwrap(), "1");
            assert!(answer(b"perf du").await.is_err());
            assert!(answer(&[b'x'; COMMAND_MAX + 4096]).await.is_err());
        });
    }

    #[test]
    fn a_client_that_says_or_reads_nothing_hinders_nobody() {
        let path = std::env::temp_dir().join(format!("kermes-admin-{}.asok", std::process::id()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let served = Served { socket: Some(AdminSocket::bind(&path).unwrap()), metrics: None };
            let _file = served.file();
            // Whoever lives is not replaced.
            assert!(AdminSocket::bind(&path).is_err());
            let (asker, mut questions) = asker();
            spawn(served, &asker).unwrap();
            tokio::spawn(async move {
                while let Some(question) = questions.recv().await {
                    // More than a socket's buffers hold.
                    let _ = question.answer.send("x".repeat(8 << 20));
                }
            });
            let mut idle = Vec::new();
            for i in 0..CLIENTS_MAX - 1 {
                let mut stream = UnixStream::connect(&path).await.unwrap();
                if i % 2 == 0 {
                    stream.write_all(b"help\0").await.unwrap();
                }
                idle.push(stream);
            }
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(b"help\0").await.unwrap();
            let mut all = Vec::new();
            let read = stream.read_to_end(&mut all);
            tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
            assert_eq!(all.len(), 4 + (8 << 20));
            assert_eq!(u32::from_be_bytes(all[..4].try_into().unwrap()), 8 << 20);
        });
        assert!(!path.exists());
        // What a daemon that was killed left behind is replaced.
        drop(StdUnixListener::bind(&path).unwrap());
        drop(AdminSocket::bind(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
