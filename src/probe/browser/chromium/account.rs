//! Whom a browser runs as: somebody who may do nothing, where we may choose.

use std::fs;

use rustix::process::getuid;

/// A user of the system, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe::browser) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Without a name of the file's.
const USUAL: &str = "nobody";

impl Account {
    /// The user to become; none: we are no superuser, and stay who we are.
    pub(in crate::probe::browser) fn find(name: Option<&str>) -> Result<Option<Self>, String> {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let wanted = name.unwrap_or(USUAL);
        let found = find_in(&users, wanted);
        match (found, getuid().as_raw(), name) {
            (Some(found), 0, _) if found.user == 0 => {
                Err(format!("`{wanted}` is a superuser, and a browser must not be one; name another `user`"))
            }
            (Some(found), 0, _) => Ok(Some(found)),
            (Some(found), own, Some(_)) if found.user == own => Ok(None),
            (None, 0, _) | (None, _, Some(_)) => Err(format!("there is no user `{wanted}` on this machine")),
            (Some(_), _, Some(_)) => {
                Err(format!("only a superuser can run the browser as `{wanted}`: leave `user` out, or start as root"))
            }
            (_, _, None) => Ok(None),
        }
    }
}

/// `passwd(5)`.
fn find_in(users: &str, name: &str) -> Option<Account> {
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    Some(Account { user: found.get(2)?.parse().ok()?, group: found.get(3)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(find_in(users, "nobody"), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(find_in(users, "root"), Some(Account { user: 0, group: 0 }));
        assert_eq!(find_in(users, "nobod"), None);
    }

    #[test]
    fn nobody_else_is_made_up() {
        assert!(Account::find(Some("no-such-user")).is_err());
        let is_root = getuid().is_root();
        assert_eq!(Account::find(Some("root")).is_err(), is_root, "never as root");
        assert_eq!(Account::find(None).expect("somebody").is_some(), is_root);
    }
}
