//! A body under a cap that counts what it decodes to: a bomb is ordinary weather for a prober.

use std::io;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use http::header::{CONTENT_ENCODING, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;

/// 8 MiB, as RFC 9659 limits it for the web; memory is only touched as far as the cap lets it be decoded.
const ZSTD_WINDOW_LOG: u32 = 23;
const DECODE_STEP: usize = 16 << 10;

/// What is wanted of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing: it is not even read.
    Nothing,
    /// That it arrives, up to this many bytes.
    Arrival(usize),
    /// Itself, decoded, up to this many bytes.
    Itself(usize),
}

/// A body, or as much of it as the cap lets in.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: Bytes,
    /// Bytes seen: decoded ones, if it was decoded.
    pub(super) length: usize,
    /// There was more.
    pub(super) capped: bool,
}

/// Why a body is not there.
#[derive(Debug)]
pub(super) enum Missing {
    /// The connection broke, or what came over it is not HTTP.
    Broken(hyper::Error),
    /// It cannot be decoded.
    Garbled(String),
}

/// How a body is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
    Deflate,
    Unknown(String),
}

impl Coding {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut codings = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|word| String::from_utf8_lossy(word).trim().to_ascii_lowercase())
            .filter(|word| !word.is_empty() && word != "identity");
        match (codings.next(), codings.next()) {
            (None, _) => Self::Identity,
            (Some(one), None) => match one.as_str() {
                "gzip" | "x-gzip" => Self::Gzip,
                "br" => Self::Brotli,
                "zstd" => Self::Zstd,
                "deflate" => Self::Deflate,
                _ => Self::Unknown(one),
            },
            (Some(one), Some(two)) => Self::Unknown(format!("{one}, {two}")),
        }
    }
}

/// Reads a body as far as it is wanted.
pub(super) async fn receive(body: Incoming, want: Want, coding: Coding) -> Result<Received, Missing> {
    match (want, coding) {
        (Want::Nothing, _) => Ok(Received::default()),
        (Want::Arrival(most), _) => arrive(body, most).await,
        (Want::Itself(most), Coding::Identity) => keep(body, most).await,
        (Want::Itself(_), Coding::Unknown(word)) => Err(Missing::Garbled(unasked(&word))),
        (Want::Itself(most), coding) => {
            let reader = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
            decode(reader, most, &coding).await
        }
    }
}

async fn arrive(mut body: Incoming, most: usize) -> Result<Received, Missing> {
    let mut received = Received::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Missing::Broken)?;
        received.length += frame.data_ref().map_or(0, Bytes::len);
        if received.length > most {
            received.capped = true;
            break;
        }
    }
    Ok(received)
}

async fn keep(mut body: Incoming, most: usize) -> Result<Received, Missing> {
    // Most bodies are one frame, which is kept as it came.
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut capped = false;
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(Missing::Broken)?.into_data() else { continue };
        let room = most - first.len().max(more.len());
        if data.len() > room {
            data.truncate(room);
            capped = true;
        }
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&std::mem::take(&mut first));
            }
            more.extend_from_slice(&data);
        }
        if capped {
            break;
        }
    }
    let bytes = if more.is_empty() { first } else { more.freeze() };
    Ok(Received { length: bytes.len(), bytes, capped })
}

async fn decode(reader: impl AsyncBufRead + Send + Unpin, most: usize, coding: &Coding) -> Result<Received, Missing> {
    let mut decoder: Box<dyn AsyncRead + Send + Unpin + '_> = match coding {
        Coding::Brotli => Box::new(BrotliDecoder::new(reader)),
        Coding::Zstd => Box::new(ZstdDecoder::with_params(reader, &[DParameter::window_log_max(ZSTD_WINDOW_LOG)])),
        Coding::Deflate => Box::new(ZlibDecoder::new(reader)),
        Coding::Gzip | Coding::Identity | Coding::Unknown(_) => Box::new(GzipDecoder::new(reader)),
    };
    let mut bytes = BytesMut::new();
    let mut capped = false;
    loop {
        bytes.reserve(DECODE_STEP);
        if decoder.read_buf(&mut bytes).await.map_err(missing)? == 0 {
            break;
        }
        if bytes.len() > most {
            bytes.truncate(most);
            capped = true;
            break;
        }
    }
    Ok(Received { length: bytes.len(), bytes: bytes.freeze(), capped })
}

/// Decodes a body that was received as it came over the wire.
pub(super) async fn unpack(received: Received, most: usize, coding: Coding) -> Result<Received, String> {
    match coding {
        Coding::Identity => Ok(received),
        Coding::Unknown(word) => Err(unasked(&word)),
        coding => decode(&received.bytes[..], most, &coding).await.map_err(|missing| match missing {
            Missing::Garbled(why) => why,
            Missing::Broken(error) => error.to_string(),
        }),
    }
}

fn unasked(word: &str) -> String {
    let word: String = word.chars().take(60).collect();
    format!("the body is encoded as `{word}`, which was not asked for")
}

fn missing(error: io::Error) -> Missing {
    match error.downcast::<hyper::Error>() {
        Ok(broken) => Missing::Broken(broken),
        Err(error) => Missing::Garbled(format!("the body cannot be decoded: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_told_apart() {
        for (lines, coding) in [
            (&[][..], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["GZIP"], Coding::Gzip),
            (&["br"], Coding::Brotli),
            (&["gzip, gzip"], Coding::Unknown("gzip, gzip".to_owned())),
            (&["gzip", "br"], Coding::Unknown("gzip, br".to_owned())),
            (&["rot13"], Coding::Unknown("rot13".to_owned())),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, line.parse().expect(line));
            }
            assert_eq!(Coding::of(&headers), coding);
        }
    }
}
