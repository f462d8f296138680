//! The target: a small answer over HTTP/1.1, in a process of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            crate::end(child);
        }
    }
}

pub(crate) fn start() -> Server {
    let address = free_address();
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--serve", &address.port().to_string()])
        .spawn()
        .expect("this program starts");
    crate::wait_for("the target", || TcpStream::connect(address).is_ok());
    Server { address, child: Some(child) }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

pub(crate) fn serve(port: u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).expect("the port is free");
        let listener = socket.listen(4096).expect("listens");
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                let mut request = [0; 2048];
                if stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                    stream.write_all(ANSWER).await.ok();
                    stream.shutdown().await.ok();
                    while stream.read(&mut request).await.is_ok_and(|n| n > 0) {}
                }
            });
        }
    });
}
