//! Digest authentication (RFC 7616): the answer to a server's challenge. Pure.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use crate::probe::Scope;
use crate::probe::digest::{Challenge, Proof};

use super::request::Outgoing;
use super::settings::Basic;

/// The `authorization` that answers the best challenge in `headers`; none, if there is none that can be answered.
pub(super) fn answer(
    headers: &HeaderMap,
    asked: &Outgoing,
    who: &Basic,
    scope: &Scope,
    random: u64,
) -> Option<HeaderValue> {
    let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenge = Challenge::strongest(challenges).ok()?;
    let (user, password, uri) = (who.user.render(scope), who.password.render(scope), asked.target.to_string());
    let proof = Proof {
        user: &user,
        password: &password,
        method: asked.method.as_str(),
        uri: &uri,
        body: &asked.body,
        nonce: &format!("{random:016x}"),
        count: 1,
    };
    let mut value = HeaderValue::from_str(&challenge.answer(&proof)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::probe::template::{Template, TemplateOrSecret};

    fn answered(challenges: &[&str]) -> Option<String> {
        let text = |text: &str| TemplateOrSecret::Template(Template::parse(text).expect("a template"));
        let who = Basic { user: text("Mufasa"), password: text("Circle of Life") };
        let url = "http://www.example.org/dir/index.html".parse().expect("an address");
        let Ok(asked) = Outgoing::to(Method::GET, url, HeaderMap::new(), "".into()) else { panic!("no request") };
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(challenge.as_bytes()).expect("a header"));
        }
        answer(&headers, &asked, &who, &Scope::default(), 7).map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn the_stronger_challenge_is_answered() {
        let rest = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv\", opaque=\"FQhe\"";
        let (md5, sha) = (format!("Digest {rest}, algorithm=MD5"), format!("Digest {rest}, algorithm=SHA-256"));
        let answer = answered(&[&md5, &sha]).expect("an answer");
        for part in
            ["algorithm=SHA-256", "qop=auth", "nc=00000001", "cnonce=\"0000000000000007\"", "uri=\"/dir/index.html\""]
        {
            assert!(answer.contains(part), "{part}: {answer}");
        }
        assert!(answered(&[&md5]).expect("an answer").contains("algorithm=MD5"));
    }

    #[test]
    fn what_is_no_challenge_is_not_answered() {
        for bad in [
            "",
            "Basic realm=x",
            "Digest",
            "Digest nonsense",
            "Digest realm=",
            "digest \u{e4}",
            &"Digest ".repeat(2000),
        ] {
            assert_eq!(answered(&[bad]), None, "{bad}");
        }
    }
}
