//! The target: a small answer over HTTP/1.1, in a process of its own.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

pub(crate) fn serve(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(address).expect("the port is free");
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
