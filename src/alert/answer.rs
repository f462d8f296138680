//! What a receiver answered over HTTP, and what that means. Pure.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

/// An answer as far as it was read: 64 KiB at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// What an answer means for the message that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// Their trouble, or their wish that we wait.
    Later(Option<Duration>),
    /// Somebody has to mend something first: a key, a channel, an address.
    Refused,
    /// The message itself is wrong to them, and will be at every attempt.
    Unfit,
}

impl Answer {
    /// Their JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// What most mean by a status code.
    pub fn by_status(&self) -> Verdict {
        let later = self.status.is_server_error()
            || matches!(
                self.status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        match self.status {
            status if status.is_success() => Verdict::Taken,
            _ if later => Verdict::Later(self.retry_after),
            _ => Verdict::Refused,
        }
    }

    /// The same where 400, 413 and 422 speak of the message alone.
    pub fn by_strict_status(&self) -> Verdict {
        match self.status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Verdict::Unfit
            }
            _ => self.by_status(),
        }
    }

    /// The same where a 429 says in its body for how many seconds to wait.
    pub fn by_status_and_wait(&self, pointer: &str) -> Verdict {
        let asked = || {
            let seconds = self.json().pointer(pointer)?.as_f64()?;
            Duration::try_from_secs_f64(seconds.ceil()).ok()
        };
        match self.by_status() {
            Verdict::Later(None) => Verdict::Later(asked()),
            verdict => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, retry_after: None, body: body.to_owned() }
    }

    #[test]
    fn a_status_means_what_most_mean_by_it() {
        for (status, verdict) in [
            (202, Verdict::Taken),
            (302, Verdict::Refused),
            (400, Verdict::Refused),
            (410, Verdict::Refused),
            (429, Verdict::Later(None)),
            (503, Verdict::Later(None)),
        ] {
            assert_eq!(answer(status, "").by_status(), verdict, "{status}");
        }
        assert_eq!(answer(400, "").by_strict_status(), Verdict::Unfit);
        assert_eq!(answer(401, "").by_strict_status(), Verdict::Refused);
    }

    #[test]
    fn how_long_to_wait_may_stand_in_the_body() {
        let wait = |body| answer(429, body).by_status_and_wait("/retry_after");
        assert_eq!(wait(r#"{"retry_after":1.25}"#), Verdict::Later(Some(Duration::from_secs(2))));
        for nonsense in [r#"{"retry_after":-1}"#, r#"{"retry_after":1e300}"#, r#"{"retry_after":"soon"}"#, "<html>"] {
            assert_eq!(wait(nonsense), Verdict::Later(None), "{nonsense}");
        }
    }
}
