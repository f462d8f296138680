//! The schema that editors use says what the reader says.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use unbroken::config::schema;

use super::fixtures;

/// As much of JSON Schema as ours uses; the places that do not fit.
fn misfits(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let Value::Object(rules) = schema else {
        return if schema == &Value::Bool(false) { vec![format!("{at}: nothing may stand here")] } else { vec![] };
    };
    let mut wrong = Vec::new();
    if let Some(name) = rules.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} leads nowhere"));
        wrong.extend(misfits(value, target, root, at));
    }
    let fits = |schema: &&Value| misfits(value, schema, root, at).is_empty();
    let choices = |key: &str| rules.get(key).and_then(Value::as_array);
    if choices("anyOf").is_some_and(|choices| !choices.iter().any(|schema| fits(&schema))) {
        wrong.push(format!("{at}: none of the choices fits {value}"));
    }
    if choices("oneOf").is_some_and(|choices| choices.iter().filter(fits).count() != 1) {
        wrong.push(format!("{at}: not exactly one choice fits {value}"));
    }
    if rules.get("const").is_some_and(|only| only != value) || choices("enum").is_some_and(|all| !all.contains(value)) {
        wrong.push(format!("{at}: {value} is another word"));
    }
    wrong.extend(rules.get("type").filter(|kind| !is_a(value, kind)).map(|kind| format!("{at}: {value} is no {kind}")));
    if let Value::Object(map) = value {
        for (key, value) in map {
            let known = rules.get("properties").and_then(|properties| properties.get(key));
            if let Some(schema) = known.or_else(|| rules.get("additionalProperties")) {
                wrong.extend(misfits(value, schema, root, &format!("{at}.{key}")));
            }
        }
        let required = choices("required").into_iter().flatten().filter_map(Value::as_str);
        wrong.extend(required.filter(|key| !map.contains_key(*key)).map(|key| format!("{at}: {key} is missing")));
    }
    if let (Value::Array(items), Some(schema)) = (value, rules.get("items")) {
        wrong.extend(items.iter().enumerate().flat_map(|(i, item)| misfits(item, schema, root, &format!("{at}[{i}]"))));
    }
    wrong
}

fn is_a(value: &Value, kind: &Value) -> bool {
    let one = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        // What is plain text to us may be a number to YAML.
        Some("string") => value.is_string() || value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => value.is_null(),
    };
    kind.as_array().map_or_else(|| one(kind), |kinds| kinds.iter().any(one))
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The part of the schema for the folder that the file lies in.
fn schema_for<'a>(schema: &'a Value, path: &Path) -> &'a Value {
    let probes = path.parent().is_some_and(|folder| folder.ends_with("probes"));
    let name = if probes { "Touchpoint" } else { "Configuration" };
    &schema["$defs"][name]
}

fn yaml_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = schema();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let everything = fixtures().join("good/everything");
    let base = fixtures().join("base");
    for folder in [everything, base, root.to_owned()].iter().flat_map(|root| [root.join("config"), root.join("probes")])
    {
        for path in yaml_in(&folder) {
            let wrong = misfits(&yaml(&path), schema_for(&schema, &path), &schema, "");
            assert!(wrong.is_empty(), "{}\n{}", path.display(), wrong.join("\n"));
            assert!(misfits(&yaml(&path), &schema, &schema, "").is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_is_misspelt() {
    let schema = schema();
    let bad = fixtures().join("bad");
    let top = misfits(&yaml(&bad.join("unbroken.unknown-keys.yaml")), &schema["$defs"]["Configuration"], &schema, "");
    assert!(top.iter().any(|wrong| wrong.starts_with(".compny: ")), "{top:?}");
    let probes = misfits(&yaml(&bad.join("shop.unknown-keys.yaml")), &schema["$defs"]["Touchpoint"], &schema, "");
    for key in [".tittle: ", ".probes.orders.evry: ", ".probes.orders.steps[0].push.whitin: "] {
        assert!(probes.iter().any(|wrong| wrong.starts_with(key)), "{key} {probes:?}");
    }
}

/// For a person with another validator at hand: `UPDATE=1` writes it to target/.
#[test]
fn the_schema_can_be_written_down() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    assert!(text.contains("\"additionalProperties\": false"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schema.json"), text).unwrap();
    }
}
