//! Real applications, made by others, used as the people use them for whom they were made. An ordinary run only reads
//! these errands; `./tests/run --wide` installs the applications, starts and uses them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::parts::{Running, free_address, part};
use crate::world::World;

const PASSWORD: &str = "canary-halcyon-4711";

/// The errands as they are written, in a folder of their own.
fn world() -> World {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wide");
    let mut world = World::empty();
    for folder in ["config", "probes"] {
        for file in fs::read_dir(fixtures.join(folder)).unwrap().flatten() {
            let path = format!("{folder}/{}", file.file_name().to_string_lossy());
            world.write(&path, &fs::read_to_string(file.path()).unwrap());
        }
    }
    world.set("WIDE_PASSWORD", PASSWORD);
    world
}

/// Starts an application in a folder, and what it is used through then.
type Start = fn(&Path, SocketAddr) -> Running;

/// Every errand of a touchpoint ends well in the real application.
fn is_used(touchpoint: &str, variable: &str, start: Start) {
    let mut world = world();
    let (code, said, errors) = world.run(&["check"]);
    assert!(code == 0 && said.contains("well: "), "{said}{errors}");
    if std::env::var_os("UNBROKEN_WIDE").is_none() {
        println!("{touchpoint}: its errands are well written; ./tests/run --wide runs them");
        return;
    }
    let address = free_address();
    let folder = world.path(touchpoint);
    fs::create_dir(&folder).unwrap();
    let _running = start(&folder, address);
    world.set(variable, &format!("http://{address}"));
    let (_, said, errors) = world.run(&["probe", touchpoint, "--format", "json"]);
    let readings: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{errors}"));
    for reading in &readings {
        println!("{} {}: {:.1} s", reading["probe"], reading["verdict"], reading["took_seconds"].as_f64().unwrap());
        assert!(reading["verdict"] == "good" || reading["verdict"] == "slow", "{reading:#}");
    }
    assert!(readings.len() >= 2, "on a desktop and on a phone: {said}");
    assert!(!said.contains(PASSWORD) && !errors.contains(PASSWORD));
}

/// A command to its end.
fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn wagtail(folder: &Path, address: SocketAddr) -> Running {
    done(Command::new(part("wide/bin/wagtail")).args(["start", "halcyon", "."]).current_dir(folder));
    let manage = |args: &[&str]| {
        let mut command = Command::new(part("wide/bin/python"));
        command.arg("manage.py").args(args).env("DJANGO_SUPERUSER_PASSWORD", PASSWORD).current_dir(folder);
        command
    };
    done(&mut manage(&["migrate", "--verbosity", "0"]));
    done(&mut manage(&["createsuperuser", "--noinput", "--username", "anna", "--email", "anna@probe.example"]));
    Running::start(&mut manage(&["runserver", "--noreload", &address.to_string()]), address)
}

fn jupyter(folder: &Path, address: SocketAddr) -> Running {
    let hash = format!("from jupyter_server.auth import passwd; print(passwd('{PASSWORD}', 'sha256'))");
    let hash = done(Command::new(part("wide/bin/python")).args(["-c", &hash]));
    let mut command = Command::new(part("wide/bin/jupyter"));
    command
        .args(["notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--ServerApp.port_retries=0"])
        .arg(format!("--port={}", address.port()))
        .arg(format!("--ServerApp.root_dir={}", folder.display()))
        .arg(format!("--PasswordIdentityProvider.hashed_password={hash}"))
        .current_dir(folder);
    // Nothing of the user's, nothing of the machine's.
    for (name, place) in [
        ("HOME", ""),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("IPYTHONDIR", "ipython"),
    ] {
        command.env(name, folder.join(format!(".own/{place}")));
    }
    fs::create_dir(folder.join(".own")).unwrap();
    Running::start(&mut command, address)
}

#[test]
fn an_editor_publishes_a_page_in_wagtail_at_his_desk_and_on_the_way() {
    is_used("wagtail", "WAGTAIL_URL", wagtail);
}

#[test]
fn somebody_computes_something_in_jupyter_at_his_desk_and_on_the_way() {
    is_used("jupyter", "JUPYTER_URL", jupyter);
}
