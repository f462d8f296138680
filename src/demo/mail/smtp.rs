//! The server that takes mail for the company's customers (RFC 5321), as far as a polite sender needs it.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::business::Business;
use super::super::certificate::Certificates;
use super::super::fault::Fault;
use super::super::stand;
use super::super::touchpoint::Touchpoint;
use super::{Talk, line};

/// Who writes `Authentication-Results` here.
const NAME: &str = "mx.halcyon.example";
const MAIL_BYTES_MAX: u64 = 256 << 10;

/// How a session ended.
enum End {
    Quit,
    /// The client wants to encrypt, and to begin anew.
    Starttls,
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

pub(in crate::demo) async fn serve(
    listener: TcpListener,
    business: Arc<Business>,
    certificates: Arc<Certificates>,
    shutdown: CancellationToken,
) {
    stand::serve(listener, shutdown, |stream| {
        let (business, certificates) = (Arc::clone(&business), Arc::clone(&certificates));
        async move {
            let mut plain = BufReader::new(stream);
            plain.write_all(format!("220 {NAME} ESMTP Halcyon Mobile\r\n").as_bytes()).await?;
            if let End::Starttls = converse(&mut plain, &business, "250-STARTTLS\r\n").await? {
                // What was sent before the handshake is not listened to.
                let secure = certificates.good.accept(plain.into_inner()).await?;
                converse(&mut BufReader::new(secure), &business, "").await?;
            }
            Ok(())
        }
    })
    .await;
}

async fn converse<S: Talk>(stream: &mut BufReader<S>, business: &Business, offers: &str) -> io::Result<End> {
    let mut envelope = Envelope::default();
    let mut heard = Vec::new();
    while let Some(said) = line(stream, &mut heard).await? {
        let (verb, rest) = said.split_once(' ').unwrap_or((&said, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => format!("250-{NAME}\r\n{offers}250-8BITMIME\r\n250 SIZE {MAIL_BYTES_MAX}\r\n"),
            "HELO" => format!("250 {NAME}\r\n"),
            "NOOP" => "250 2.0.0 well\r\n".to_owned(),
            "RSET" => {
                envelope = Envelope::default();
                "250 2.0.0 forgotten\r\n".to_owned()
            }
            "STARTTLS" if !offers.is_empty() => {
                stream.write_all(b"220 2.0.0 go ahead\r\n").await?;
                return Ok(End::Starttls);
            }
            "MAIL" => {
                envelope.from = Some(address(rest).to_owned());
                "250 2.1.0 well\r\n".to_owned()
            }
            "RCPT" if envelope.from.is_none() => "503 5.5.1 who writes?\r\n".to_owned(),
            "RCPT" if business.mailboxes.knows(address(rest)) => {
                envelope.to.push(address(rest).to_owned());
                "250 2.1.5 well\r\n".to_owned()
            }
            "RCPT" => "550 5.1.1 no such customer\r\n".to_owned(),
            "DATA" if envelope.to.is_empty() => "503 5.5.1 to whom?\r\n".to_owned(),
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await?;
                take(stream, business, std::mem::take(&mut envelope)).await?
            }
            "QUIT" => {
                stream.write_all(b"221 2.0.0 goodbye\r\n").await?;
                return Ok(End::Quit);
            }
            _ => "500 5.5.2 what?\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(End::Quit)
}

/// What stands between `<` and `>`.
fn address(text: &str) -> &str {
    text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(address, _)| address)
}

/// Reads the mail and puts it into the mailboxes, with what this server found out about its sender on top.
async fn take<S: Talk>(stream: &mut BufReader<S>, business: &Business, envelope: Envelope) -> io::Result<String> {
    let from = envelope.from.unwrap_or_default();
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    let genuine = !business.switches.is(Touchpoint::Email, Fault::DkimFail);
    let verdict = if genuine { "pass" } else { "fail" };
    let now = business.clock.now();
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let mut mail = format!(
        "Authentication-Results: {NAME};\r\n spf=pass smtp.mailfrom={domain};\r\n dkim={verdict} header.d={domain};\r\n \
         dmarc={verdict} header.from={domain}\r\nReceived: by {NAME}; {date}\r\n"
    )
    .into_bytes();
    let mut rest = stream.take(MAIL_BYTES_MAX);
    loop {
        let begun = mail.len();
        rest.read_until(b'\n', &mut mail).await?;
        match &mail[begun..] {
            b".\r\n" | b".\n" => {
                mail.truncate(begun);
                break;
            }
            // A dot that the sender has doubled (RFC 5321, 4.5.2).
            [b'.', ..] => drop(mail.remove(begun)),
            line if line.ends_with(b"\n") => {}
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    let mail: Arc<[u8]> = mail.into();
    envelope.to.iter().for_each(|to| business.mailboxes.put(to, now, Arc::clone(&mail)));
    Ok("250 2.0.0 taken\r\n".to_owned())
}
