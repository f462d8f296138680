//! Configurations, good and bad. A bad one is a file that takes the place of one in `fixtures/config/base`, or a folder
//! that is laid over it; what is said of it stands beside it in a `.txt` (`UPDATE=1` rewrites them).

mod any_text;
mod files;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

use unbroken::config::{Environment, Folders, Loaded, Secrets, Severity, load};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn environment() -> Environment {
    Environment::new([
        ("TOKEN", "canary-of-a-token"),
        ("EMPTY", ""),
        ("PORT", "8080"),
        ("NEST", "${PORT}"),
        ("CHAT", "https://hooks.example.com/services/canary-of-a-token"),
        ("PROXY", "http://probe:canary-of-a-token@10.0.0.10:3128"),
        ("HOOK_SECRET", "whsec_Y2FuYXJ5LW9mLWEtdG9rZW4tY2FuYXJ5"),
    ])
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // An empty file in a fixture's folder may be meant to be one; `.gone` takes one away.
            let _ = fs::remove_file(&target);
            if target.extension().is_some_and(|extension| extension == "gone") {
                fs::remove_file(target.with_extension("")).unwrap();
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}

/// The base with one fixture over it. A fixture that is one file says in its name where it goes:
/// `shop.NAME.yaml` is `probes/shop.yaml`, `unbroken.NAME.yaml` is `config/unbroken.yaml`.
fn laid_out(fixture: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixtures().join("base"), dir.path());
    if fixture.is_dir() {
        copy(fixture, dir.path());
    } else {
        let name = fixture.file_name().unwrap().to_str().unwrap();
        let stem = name.split('.').next().unwrap();
        let folder = if ["unbroken", "journeys", "personas"].contains(&stem) { "config" } else { "probes" };
        fs::copy(fixture, dir.path().join(folder).join(format!("{stem}.yaml"))).unwrap();
    }
    dir
}

fn load_in(dir: &Path) -> Loaded {
    load(&Folders::new(dir.join("config")), &environment(), Secrets::Needed)
}

fn printed(loaded: &Loaded, dir: &Path) -> String {
    let root = format!("{}/", dir.display());
    let all: String = loaded.problems.iter().map(|problem| format!("{problem}\n\n")).collect();
    all.replace(&root, "").replace("config/../", "")
}

fn each(folder: &str, mut check: impl FnMut(&Path)) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fixtures().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_none_or(|extension| extension != "txt"));
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        check(&path);
    }
}

#[test]
fn bad_configurations_say_what_is_wrong() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    let mut differences = String::new();
    each("bad", |fixture| {
        count += 1;
        let dir = laid_out(fixture);
        let loaded = load_in(dir.path());
        let said = printed(&loaded, dir.path());
        let golden = fixture.with_extension("txt");
        if update {
            fs::write(&golden, &said).unwrap();
        }
        let want = fs::read_to_string(&golden).unwrap_or_default();
        if said != want {
            differences += &format!("=== {}\n--- want\n{want}--- got\n{said}", fixture.display());
        }
        assert!(loaded.plan.is_none(), "{} was accepted", fixture.display());
        assert!(loaded.problems.iter().any(|problem| problem.severity == Severity::Error), "{}", fixture.display());
        assert!(!said.contains("canary-of-a-token"));
    });
    assert!(differences.is_empty(), "{differences}");
    assert!(count >= 45, "only {count} bad configurations");
}

#[test]
fn good_configurations_are_accepted() {
    each("good", |fixture| {
        let dir = laid_out(fixture);
        let loaded = load_in(dir.path());
        assert!(loaded.plan.is_some(), "{}\n{}", fixture.display(), printed(&loaded, dir.path()));
        let warnings = printed(&loaded, dir.path());
        assert!(warnings.is_empty(), "{}\n{warnings}", fixture.display());
        let without = load(&Folders::new(dir.path().join("config")), &environment(), Secrets::Without);
        assert!(without.plan.is_some(), "{}\n{}", fixture.display(), printed(&without, dir.path()));
    });
}

/// The base with one file written over it.
fn with(file: &str, text: &[u8]) -> tempfile::TempDir {
    let dir = laid_out(&fixtures().join("base"));
    fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
    fs::write(dir.path().join(file), text).unwrap();
    dir
}

fn said_of(file: &str, text: &str) -> String {
    let dir = with(file, text.as_bytes());
    let loaded = load_in(dir.path());
    printed(&loaded, dir.path())
}

#[test]
fn the_environment_is_expanded_once() {
    let dir =
        with("config/unbroken.yaml", b"company: \"${NEST} ${NONE:-x:-y} $5 $${PORT}\"\nlisten: 127.0.0.1:${PORT}\n");
    let plan = load_in(dir.path()).plan.unwrap();
    assert_eq!(plan.map.company, "${PORT} x:-y $5 ${PORT}");
    assert_eq!(plan.listen.port(), 8080);
    assert_eq!(plan.store.path, dir.path().join("data/unbroken.db"));
}

#[test]
fn plain_scalars_are_text_where_text_is_wanted() {
    for text in ["no", "on", "1.10", "1:30", "2026-01-01", "null", "~", "010", "0x10", "1_000", ".inf", "true", "1e3"] {
        for written in [text.to_owned(), format!("'{text}'"), format!("\"{text}\""), format!("&x {text}")] {
            let dir = with("config/unbroken.yaml", format!("company: {written}\n").as_bytes());
            let loaded = load_in(dir.path());
            let plan = loaded.plan.unwrap_or_else(|| panic!("{written}: {:?}", loaded.problems));
            assert_eq!(plan.map.company, text);
        }
    }
}

#[test]
fn plain_scalars_are_text_in_headers_queries_and_forms() {
    let dir = with(
        "probes/shop.yaml",
        b"probes: { a: { steps: [ { http: { get: \"http://a/\", query: { page: 2, price: 1.10 }, headers: { x-debug: true, x-none: null } } } ] } }\n",
    );
    let loaded = load_in(dir.path());
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let errands = format!("{:?}", plan.errands);
    for text in ["Template(2)", "Template(1.10)", "Template(true)", "Template(null)"] {
        assert!(errands.contains(text), "{text}: {errands}");
    }
    let said = said_of(
        "probes/shop.yaml",
        "probes: { a: { steps: [ { http: { get: \"http://a/\", query: { page: [2] } } } ] } }\n",
    );
    assert!(said.contains("error: expected a text, or a reference to a secret"), "{said}");
}

#[test]
fn files_are_relative_to_the_file_that_names_them() {
    let dir = with(
        "probes/shop.yaml",
        b"probes:\n  a: { steps: [ { http: { get: \"https://a/\", tls: { ca: ../ca.pem } } } ] }\n  b: { steps: [ { tls: { connect: \"a:443\", ca: /etc/ca.pem } } ] }\n",
    );
    let loaded = load_in(dir.path());
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let errands = format!("{:?}", plan.errands);
    for path in [format!("{:?}", dir.path().join("probes/../ca.pem")), "\"/etc/ca.pem\"".to_owned()] {
        assert!(errands.contains(&format!("FilePath({path})")), "{path}: {errands}");
    }
}

#[test]
fn alerts_over_plain_http_are_warned_of() {
    let receiver = |url: &str| {
        format!("company: A\nalerts: {{ receivers: {{ all: {{ alertmanager: {{ url: \"{url}\" }} }} }} }}\n")
    };
    let said = said_of("config/unbroken.yaml", &receiver("http://alerts.example.com:9093"));
    assert!(said.contains("warning: an alert over plain http can be read on its way"), "{said}");
    assert_eq!(said_of("config/unbroken.yaml", &receiver("http://127.0.0.1:9093")), "");
}

#[test]
fn a_secret_from_a_file_is_trimmed_once_and_its_openness_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = with(
        "config/unbroken.yaml",
        b"company: A\nsecrets: { hook: { file: ../key } }\nalerts: { receivers: { hook: { webhook: { url: \"http://ops.example.com/\", secret: { secret: hook } } } } }\n",
    );
    let key = dir.path().join("key");
    fs::write(&key, "pa$$${PORT}word\n\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = load_in(dir.path());
    let said = printed(&loaded, dir.path());
    assert_eq!(
        said,
        "config/unbroken.yaml:2:26: warning: the secret's file `../key` can be read by everyone\n    \
         2 | secrets: { hook: { file: ../key } }\n      |                          ^^^^^^\n      = help: chmod 600 ../key\n\n\
         config/unbroken.yaml:3:48: warning: a webhook over plain http can be read on its way\n    \
         3 | alerts: { receivers: { hook: { webhook: { url: \"http://ops.example.com/\", secret: { secret: hook } } } } }\n      \
         |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^\n      = help: use https\n\n"
    );
    assert!(loaded.plan.is_some());
    assert!(!format!("{:?}", loaded.plan).contains("pa$$"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(load_in(dir.path()).problems.len(), 1);
}

#[test]
fn without_secrets_nothing_is_looked_up() {
    let dir = with("config/unbroken.yaml", b"company: A\nsecrets: { a: { file: /no/such }, b: { env: NO_SUCH } }\n");
    assert!(load_in(dir.path()).plan.is_none());
    let loaded = load(&Folders::new(dir.path().join("config")), &Environment::default(), Secrets::Without);
    assert!(loaded.plan.is_some(), "{}", printed(&loaded, dir.path()));
}

#[test]
fn odd_configurations_are_warned_of() {
    let said = said_of("config/journeys.yaml", "journeys: { a: { stages: { s: { touchpoints: [shop] } } } }\n");
    assert!(
        said.contains("probes/billing.yaml:1:1: warning: the touchpoint `billing` is part of no journey"),
        "{said}"
    );
    let said = said_of(
        "probes/shop.yaml",
        "probes: { orders: { every: 20m, steps: [ { push: { token: { env: TOKEN }, within: 1h } } ] } }\n",
    );
    assert!(
        said.contains("config/journeys.yaml:5:7: warning: nothing probes the stage `pay` more often than every 20m"),
        "{said}"
    );
}

#[test]
fn problems_are_data_too() {
    let dir = with("config/unbroken.yaml", b"company: A\ncolour: red\n");
    let problems = serde_json::to_value(load_in(dir.path()).problems).unwrap();
    assert_eq!(problems[0]["severity"], "error");
    assert_eq!(problems[0]["line"], 2);
    assert_eq!(problems[0]["column"], 1);
    assert_eq!(problems[0]["source_line"], "colour: red");
    assert_eq!(problems[0]["text"], "unknown key `colour`");
}

#[test]
fn steps_are_credited_to_other_touchpoints() {
    let dir = with(
        "probes/shop.yaml",
        b"title: Shop\nprobes:\n  order:\n    every: 5m\n    weight: important\n    personas: [anna]\n    steps:\n      - push: { token: { env: TOKEN }, within: 1h }\n        on: billing\n      - push: { token: { env: TOKEN }, within: 1h }\n",
    );
    let loaded = load_in(dir.path());
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let id = unbroken::model::ProbeId::new("billing", "shop.order");
    let probe = plan.map.probe(&id).unwrap();
    assert_eq!(probe.origin, Some(unbroken::model::ProbeId::new("shop", "order")));
    assert_eq!(probe.recheck, std::time::Duration::from_secs(30));
    assert_eq!(probe.personas.len(), 1);
    assert_eq!(plan.errands.len(), 2);
}

#[test]
fn the_demo_company_is_accepted() {
    let folders = Folders::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"));
    let loaded = load(&folders, &Environment::default(), Secrets::Without);
    let said: String = loaded.problems.iter().map(|problem| format!("{problem}\n\n")).collect();
    assert!(said.is_empty(), "{said}");
    assert!(loaded.plan.unwrap().errands.len() > 10);
}
