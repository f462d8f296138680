//! Whether a person sees what a browser shows, and on which screen.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::folder::Folder;

/// Whether anybody looks on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::probe::browser) enum Look {
    /// No window is opened.
    #[default]
    Unseen,
    On(Display),
}

/// A screen that windows can be opened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Display {
    /// What Chromium finds it by.
    variables: Vec<(&'static str, String)>,
    /// What an X server knows its users by. Handed on as a copy: Chromium may run as somebody else, and has another home.
    authority: Option<PathBuf>,
}

const NONE: &str = "there is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. Start this in a \
     graphical session, or under `xvfb-run`; over SSH, with `ssh -X`";
const NOT_AS_ROOT: &str = "a Wayland screen opens to its own user alone, and a browser never runs as root: start this as the \
     user whose screen it is, or hand on DISPLAY and XAUTHORITY of its X server";

/// What is done where a screen lets nobody in.
pub(in crate::probe::browser) const REFUSED: &str = "a screen lets in whom XAUTHORITY (or ~/.Xauthority) of the user who \
     starts this proves to be its own; started as root with `sudo`, hand it on with `sudo --preserve-env=DISPLAY,XAUTHORITY`";

impl Display {
    /// The one that this environment names, or what a person can do to have one.
    pub fn find(environment: &BTreeMap<String, String>) -> Result<Self, String> {
        let given = |name| environment.get(name).filter(|value: &&String| !value.is_empty());
        let named = |name: &'static str| Some((name, given(name)?.clone()));
        let (x, wayland) = (named("DISPLAY"), named("WAYLAND_DISPLAY"));
        let variables: Vec<_> = match (x, wayland) {
            (None, None) => return Err(NONE.to_owned()),
            (None, Some(_)) if getuid().is_root() => return Err(NOT_AS_ROOT.to_owned()),
            // Whoever it runs as instead of root has no part in the session.
            (Some(x), _) if getuid().is_root() => vec![x],
            (x, wayland) => x.into_iter().chain(wayland).chain(named("XDG_RUNTIME_DIR")).collect(),
        };
        let usual = || given("HOME").map(|home| Path::new(home).join(".Xauthority"));
        let authority = given("XAUTHORITY").map(PathBuf::from).or_else(usual).filter(|path| path.is_file());
        Ok(Self { variables, authority })
    }
}

impl Look {
    /// What Chromium must know of it; what it must read lies in its folder.
    pub(super) fn variables(&self, folder: &Folder) -> io::Result<Vec<(&'static str, OsString)>> {
        let Self::On(display) = self else { return Ok(Vec::new()) };
        let mut variables: Vec<_> = display.variables.iter().map(|(name, value)| (*name, value.into())).collect();
        if let Some(authority) = &display.authority {
            let copy = folder.keep("xauthority", &fs::read(authority)?)?;
            variables.push(("XAUTHORITY", copy.into()));
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<Display, String> {
        Display::find(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_screen_is_found_by_what_the_session_says() {
        assert!(found(&[]).unwrap_err().contains("DISPLAY"));
        assert!(found(&[("DISPLAY", "")]).unwrap_err().contains("graphical session"));
        let x = found(&[("DISPLAY", ":7"), ("XAUTHORITY", "/nowhere")]).unwrap();
        assert_eq!((&x.variables[..], x.authority), (&[("DISPLAY", ":7".to_owned())][..], None));
        let wayland = found(&[("WAYLAND_DISPLAY", "wayland-0"), ("XDG_RUNTIME_DIR", "/run/user/1000")]);
        assert_eq!(wayland.is_err(), getuid().is_root(), "nobody else is let in");
    }

    #[test]
    fn what_opens_the_screen_is_handed_on_as_a_copy_for_the_browser_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let own = tempfile::NamedTempFile::new().unwrap();
        fs::write(own.path(), "cookie").unwrap();
        let display = found(&[("DISPLAY", ":7"), ("XAUTHORITY", own.path().to_str().unwrap())]).unwrap();
        let folder = Folder::make(None, rand::random()).unwrap();
        let variables = Look::On(display).variables(&folder).unwrap();
        let (name, copy) = variables.last().unwrap();
        assert_eq!((*name, fs::read_to_string(copy).unwrap().as_str()), ("XAUTHORITY", "cookie"));
        assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
        drop(folder);
        assert!(!Path::new(copy).exists());
    }
}
